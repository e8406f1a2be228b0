// Read mails with mailparser.
const { simpleParser } = require('mailparser');
const { attachment, run, seconds } = require('./common.cjs');

const list = (field) =>
  [field ?? []].flat().flatMap((one) => one.value ?? []).flatMap((one) => (one.group ? one.group : [one])).map((one) => one.address);

run(async (content) => {
  const options = { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true, skipTextLinks: true };
  const mail = await simpleParser(content, options);
  return {
    subject: mail.subject ?? '',
    from: list(mail.from),
    to: list(mail.to),
    date: seconds(mail.headers.get('date')),
    text: mail.text ?? '',
    html: mail.html || '',
    attachments: mail.attachments.map((one) => attachment(one.filename, one.contentType, one.content)),
  };
});
