# The test asks the REST API for the mail.  The address is new in each run, so that tests can run at the same time.
require "json"
require "minitest/autorun"
require "net/http"
require "securerandom"
require_relative "welcome_mailer"

class WelcomeMailerTest < Minitest::Test
  API = ENV.fetch("SMTPTEST_API", "http://127.0.0.1:8025") + "/api/v1"

  def wait_for_mail(address)
    query = URI.encode_www_form(query: "to:=#{address}", timeout: 30)
    response = Net::HTTP.get_response(URI("#{API}/wait?#{query}"))
    assert_equal "200", response.code, response.body
    id = JSON.parse(response.body)["messages"][0]["ID"]
    JSON.parse(Net::HTTP.get(URI("#{API}/message/#{id}")))
  end

  def test_welcome
    address = "ann-#{SecureRandom.hex(4)}@example.com"
    WelcomeMailer.welcome(address).deliver_now

    mail = wait_for_mail(address)
    assert_equal "Welcome", mail["Subject"]
    assert_includes mail["HTML"], "https://shop.example/c/42"
  end

  def test_full_mailbox_raises
    address = "ann-#{SecureRandom.hex(4)}@example.com"
    rule = { when: "RCPT", match: { to: address }, do: [{ reply: [452, "4.2.2", "Mailbox full"], times: 1 }] }
    Net::HTTP.post(URI("#{API}/rules"), rule.to_json, "Content-Type" => "application/json")

    assert_raises(Net::SMTPServerBusy) { WelcomeMailer.welcome(address).deliver_now }
  end
end
