// Read mails with mailparser (npm), and print what it found in each as a line of JSON.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

// The folder with the packages, then the files.
const [packages, ...paths] = process.argv.slice(2);
const { simpleParser } = createRequire(packages)("mailparser");

for (const path of paths) {
  const mail = await simpleParser(await readFile(path), { keepDeliveryStatus: true });
  const type = mail.headers.get("content-type");
  console.log(
    JSON.stringify({
      subject: mail.subject,
      to: mail.to?.text,
      type: type.value,
      reportType: type.params["report-type"] ?? null,
      autoSubmitted: mail.headers.get("auto-submitted") ?? null,
      inReplyTo: mail.inReplyTo ?? null,
      references: mail.references ?? null,
      text: mail.text ?? "",
      html: mail.html || "",
      parts: mail.attachments.map((part) => [part.contentType, part.content.toString("utf8")]),
    }),
  );
}
