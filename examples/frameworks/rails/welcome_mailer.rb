# A mailer of a Rails application, with the settings of its tests.
require "action_mailer"

# In a Rails application: config.action_mailer.delivery_method and smtp_settings in config/environments/test.rb.
ActionMailer::Base.delivery_method = :smtp
ActionMailer::Base.smtp_settings = {
  address: ENV.fetch("SMTP_HOST", "127.0.0.1"),
  port: ENV.fetch("SMTP_PORT", "1025").to_i,
  user_name: ENV["SMTP_USERNAME"],
  password: ENV["SMTP_PASSWORD"],
  authentication: ENV["SMTP_USERNAME"] && :plain,
  ca_file: ENV["SMTP_CA_FILE"], # the CA file of a server with STARTTLS
  enable_starttls_auto: ENV.key?("SMTP_CA_FILE")
}.compact

class WelcomeMailer < ActionMailer::Base
  default from: "shop@example.com"

  def welcome(address)
    mail(to: address, subject: "Welcome") do |format|
      format.text { render plain: "Confirm: https://shop.example/c/42" }
      format.html { render html: '<a href="https://shop.example/c/42">Confirm</a>'.html_safe }
    end
  end
end
