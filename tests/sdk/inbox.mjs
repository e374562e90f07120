// What has reached users by mail and by text message; the page behind a link, as its form is sent.

import { url } from './target.mjs';

const inbox = process.env.INBOX_URL;
const patience = 1000 * Number(process.env.INBOX_SECONDS ?? 60);

async function arrived(what, isMine) {
  for (const end = Date.now() + patience; Date.now() < end; ) {
    const mine = (await (await fetch(`${inbox}/${what}`)).json()).filter(isMine);
    if (mine.length) return mine;
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  throw new Error(`none of the ${what} is for this user`);
}

/** The last mail to an address with these words in its subject. */
export async function mailTo(address, words) {
  return (await arrived('mails', mail => mail.to.includes(address) && mail.subject.includes(words))).at(-1);
}

/** Each device that was told something by a token with these words in it: `{token, data}`. */
export async function pushesTo(token) {
  const told = ({ targets, data }) =>
    targets.filter(target => target.token?.includes(token)).map(target => ({ token: target.token, badge: target.badge, data }));
  return (await arrived('pushes', push => told(push).length)).flatMap(told);
}

/** The last code for this purpose to a number. */
export async function codeTo(phone, purpose) {
  return (await arrived('messages', message => message.phone === phone && message.purpose === purpose)).at(-1).code;
}

/** Sends the form of the page that the link in a mail goes to; answers the status: 400 where the link is good no more. */
export async function follow(mail, fields = {}) {
  const link = new URL(mail.text.match(/https?:\/\/\S+/)[0]);
  if (!link.pathname.startsWith('/_gateway/')) return followToParseServer(link, fields.password);
  const body = new URLSearchParams({ token: link.searchParams.get('token'), ...fields });
  return (await fetch(url + link.pathname, { method: 'POST', body })).status;
}

/** To the pages of a Parse Server: an address is verified as its page is opened, which says in words what became of it. */
async function followToParseServer(link, password) {
  if (password === undefined) return (await (await fetch(link)).text()).includes('Email verified!') ? 200 : 400;
  const body = new URLSearchParams({ token: link.searchParams.get('token'), new_password: password });
  // whoever asks by a script is told by the status
  const headers = { 'X-Requested-With': 'XMLHttpRequest' };
  return (await fetch(link.origin + link.pathname, { method: 'POST', headers, body })).status;
}
