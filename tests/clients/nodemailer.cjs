// Sends one message by nodemailer: node nodemailer.cjs HOST PORT
const [host, port] = process.argv.slice(2);
const transport = require("nodemailer").createTransport({ host, port: Number(port), secure: false });
transport
  .sendMail({ from: "ann@example.com", to: "bob@example.com", subject: "Grüße by nodemailer", text: "Häll\n.\nend" })
  .then((info) => console.log(info.response))
  .catch((error) => { console.error(error); process.exit(1); });
