// A new password, and the verification of an address, by mail. Parse Server 9 and its SDKs on the wire.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import Parse from 'parse/node';

import { failsWith } from '../checks.mjs';
import { follow, mailTo } from '../inbox.mjs';
import * as target from '../target.mjs';

// an application that can reach its users
Parse.initialize('reach', 'reach-js', 'reach-master');
Parse.serverURL = target.parse.serverURL;

const newName = () => target.newClass('user').toLowerCase();

async function signUp() {
  const username = newName();
  const email = `${username}@example.com`;
  const user = await Parse.User.signUp(username, 'old', { email });
  await Parse.User.logOut();
  return { user, username, email };
}

beforeEach(() => Parse.User.logOut());

test('a password is reset by the link in a mail', async () => {
  const { username, email } = await signUp();
  await Parse.User.requestPasswordReset(email);
  const mail = await mailTo(email, 'password');
  assert.equal(await follow(mail, { password: 'new', again: 'new' }), 200);
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, Parse.User.logIn(username, 'old'));
  assert.equal((await Parse.User.logIn(username, 'new')).get('email'), email);
  assert.equal(await follow(mail, { password: 'newer', again: 'newer' }), 400);
});

test('a new password ends the session', async () => {
  const username = newName();
  const email = `${username}@example.com`;
  const user = await Parse.User.signUp(username, 'old', { email });
  await Parse.User.requestPasswordReset(email);
  await follow(await mailTo(email, 'password'), { password: 'new', again: 'new' });
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, Parse.User.me(user.getSessionToken()));
});

test('that nobody has an address is not told', async () => {
  await Parse.User.requestPasswordReset(`${newName()}@example.com`);
  await Parse.User.requestEmailVerification(`${newName()}@example.com`);
});

test('an address is missing, or none', async () => {
  await failsWith(Parse.Error.EMAIL_MISSING, Parse.User.requestPasswordReset(''));
  await failsWith(Parse.Error.INVALID_EMAIL_ADDRESS, Parse.User.requestPasswordReset(7));
  await failsWith(Parse.Error.EMAIL_MISSING, Parse.User.requestEmailVerification());
});

test('a new address is verified by the link in a mail', async () => {
  const { username, email } = await signUp();
  assert.equal((await Parse.User.logIn(username, 'old')).get('emailVerified'), false);
  assert.equal(await follow(await mailTo(email, 'Confirm')), 200);
  assert.equal((await Parse.User.logIn(username, 'old')).get('emailVerified'), true);
});

test('the mail is sent once more, and the older link is none any more', async () => {
  const { email } = await signUp();
  const older = await mailTo(email, 'Confirm');
  await Parse.User.requestEmailVerification(email);
  let newer = older;
  while (newer.text === older.text) newer = await mailTo(email, 'Confirm');
  assert.equal(await follow(older), 400);
  assert.equal(await follow(newer), 200);
});

test('another address has to be verified again', async () => {
  const { username, email } = await signUp();
  await follow(await mailTo(email, 'Confirm'));
  const user = await Parse.User.logIn(username, 'old');
  const own = { sessionToken: user.getSessionToken() };
  await user.save({ email: `new.${email}` }, own);
  assert.equal((await user.fetch(own)).get('emailVerified'), false);
  assert.equal(await follow(await mailTo(`new.${email}`, 'Confirm')), 200);
  assert.equal((await user.fetch(own)).get('emailVerified'), true);
});

test('a client cannot say that its address is verified', async () => {
  const { username } = await signUp();
  const user = await Parse.User.logIn(username, 'old');
  await failsWith(Parse.Error.OPERATION_FORBIDDEN, user.save({ emailVerified: true }, { sessionToken: user.getSessionToken() }));
});
