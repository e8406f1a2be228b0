// Read mails with postal-mime.
const module_ = require('postal-mime');
const { attachment, run, seconds } = require('./common.cjs');

const PostalMime = module_.default ?? module_;
const list = (field) => [field ?? []].flat().flatMap((one) => (one.group ? one.group : [one])).map((one) => one.address);

run(async (content) => {
  const mail = await PostalMime.parse(content);
  return {
    subject: mail.subject ?? '',
    from: list(mail.from),
    to: list(mail.to),
    date: seconds(mail.date),
    text: mail.text ?? '',
    html: mail.html ?? '',
    attachments: mail.attachments.map((one) => attachment(one.filename, one.mimeType, one.content)),
  };
});
