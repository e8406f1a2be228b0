# Send with Net::SMTP of Ruby, as its documentation shows: `start` with a block, and `send_message`.
require "net/smtp"

security = ENV["SMTP_SECURITY"]
smtp = Net::SMTP.new(
  ENV["SMTP_HOST"], ENV["SMTP_PORT"].to_i,
  tls: security == "implicit", starttls: security == "starttls" ? :always : false,
  ssl_context_params: security == "none" ? nil : { ca_file: ENV["SMTP_CA_FILE"] },
)
smtp.open_timeout = smtp.read_timeout = ENV["SMTP_TIMEOUT"].to_f
login = ENV["SMTP_USERNAME"].empty? ? [] : [ENV["SMTP_USERNAME"], ENV["SMTP_PASSWORD"]]
begin
  smtp.start("client.example", *login) do
    ENV["SMTP_MESSAGES"].split.each do |file|
      smtp.send_message(File.binread(file), ENV["SMTP_SENDER"], *ENV["SMTP_RECIPIENTS"].split)
    end
  end
rescue Net::SMTPServerBusy => error # a reply 4xx
  warn error.message
  exit 75
end
