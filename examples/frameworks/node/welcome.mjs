// A function of the application, which sends mail with nodemailer.
import nodemailer from "nodemailer";

export function createTransport(env = process.env) {
  const auth = env.SMTP_USERNAME ? { user: env.SMTP_USERNAME, pass: env.SMTP_PASSWORD } : undefined;
  return nodemailer.createTransport({ host: env.SMTP_HOST, port: Number(env.SMTP_PORT), secure: false, auth });
}

export async function welcome(address) {
  const transport = createTransport();
  try {
    return await transport.sendMail({
      from: "shop@example.com",
      to: address,
      subject: "Welcome",
      text: "Confirm: https://shop.example/c/42",
      html: '<a href="https://shop.example/c/42">Confirm</a>',
    });
  } finally {
    transport.close();
  }
}
