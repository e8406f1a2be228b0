// Send one message with nodemailer: node nodemailer.cjs HOST PORT [SETTINGS of the transport, as JSON]
const [host, port, settings] = process.argv.slice(2);
const transport = require("nodemailer").createTransport({
  host, port: Number(port), secure: false, ...JSON.parse(settings ?? "{}"),
});
transport
  .sendMail({
    from: "ann@example.com", to: "bob@example.com, carol@example.com", subject: "Grüße by nodemailer",
    text: "Häll\n.\nend",
  })
  .then((info) => console.log(info.response))
  .catch((error) => { console.error(error); process.exit(1); });
