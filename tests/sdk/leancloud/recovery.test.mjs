// What LeanCloud does by mail, by text message and by captcha. SMS REST guide, and its SDKs on the wire.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { beforeEach, test } from 'node:test';

import AV from 'leancloud-storage';

import { failsWith } from '../checks.mjs';
import { codeTo, follow, mailTo } from '../inbox.mjs';
import * as target from '../target.mjs';

// an application that can reach its users
AV.init({ appId: 'reach', appKey: 'reach-key', masterKey: 'reach-master', serverURL: target.leancloud.serverURL });

const newName = () => target.newClass('user').toLowerCase();
const newPhone = () => `+86${randomInt(10_000_000_000, 20_000_000_000)}`;
const wrong = code => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

async function signUp(attributes) {
  const user = await AV.User.signUp(newName(), 'old', attributes);
  await AV.User.logOut();
  return user;
}

/** A user with a number that is verified. */
async function withPhone() {
  const phone = newPhone();
  const user = await signUp({ mobilePhoneNumber: phone });
  await AV.User.verifyMobilePhone(await codeTo(phone, 'verify_phone'), phone);
  return { user, phone };
}

beforeEach(() => AV.User.logOut());

// by mail

test('a password is reset by the link in a mail', async () => {
  const email = `${newName()}@example.com`;
  const user = await signUp({ email });
  await AV.User.requestPasswordReset(email);
  assert.equal(await follow(await mailTo(email, 'password'), { password: 'new', again: 'new' }), 200);
  assert.equal((await AV.User.loginWithEmail(email, 'new')).id, user.id);
  await failsWith(210, AV.User.loginWithEmail(email, 'old'));
});

test('an address is verified by the link in a mail', async () => {
  const email = `${newName()}@example.com`;
  await signUp({ email });
  await AV.User.requestEmailVerify(email);
  assert.equal((await AV.User.loginWithEmail(email, 'old')).get('emailVerified'), false);
  await mailTo(email, 'Confirm');
});

test('addresses that get no mail', async () => {
  await failsWith(205, AV.User.requestPasswordReset(`${newName()}@example.com`));
  await failsWith(205, AV.User.requestEmailVerify(`${newName()}@example.com`));
  await failsWith(204, AV.User.requestPasswordReset());
  await failsWith(125, AV.User.requestPasswordReset('nobody'));
});

// numbers

test('a number is verified by the code that a sign-up sends', async () => {
  const phone = newPhone();
  const user = await AV.User.signUp(newName(), 'old', { mobilePhoneNumber: phone });
  assert.equal(user.get('mobilePhoneVerified'), false);
  const code = await codeTo(phone, 'verify_phone');
  await failsWith(603, AV.User.verifyMobilePhone(wrong(code), phone));
  await AV.User.verifyMobilePhone(code); // the current user's number
  assert.equal((await user.fetch()).get('mobilePhoneVerified'), true);
});

test('the code to verify a number is sent once more', async () => {
  const phone = newPhone();
  const user = await signUp({ mobilePhoneNumber: phone });
  const older = await codeTo(phone, 'verify_phone');
  await AV.User.requestMobilePhoneVerify(phone);
  const newer = await codeTo(phone, 'verify_phone');
  if (newer !== older) await failsWith(603, AV.User.verifyMobilePhone(older, phone));
  await AV.User.verifyMobilePhone(newer, phone);
  const found = await AV.User.logInWithMobilePhone(phone, 'old');
  assert.deepEqual([found.id, found.get('mobilePhoneVerified')], [user.id, true]);
  await failsWith(213, AV.User.requestMobilePhoneVerify(newPhone()));
});

test('a number signs up, and later logs in', async () => {
  const phone = newPhone();
  await AV.Cloud.requestSmsCode(phone);
  const user = await AV.User.signUpOrlogInWithMobilePhone(phone, await codeTo(phone, 'confirm'), { nick: 'Tom' });
  assert.deepEqual([user.getMobilePhoneNumber(), user.get('mobilePhoneVerified'), user.get('nick')], [phone, true, 'Tom']);
  assert.equal(user.getUsername(), phone);
  assert.equal(user.get('smsCode'), undefined);
  assert.equal(AV.User.current().id, user.id);
  await AV.User.logOut();
  await AV.Cloud.requestSmsCode(phone);
  const again = await AV.User.signUpOrlogInWithMobilePhone(phone, await codeTo(phone, 'confirm'));
  assert.deepEqual([again.id, again.get('nick')], [user.id, 'Tom']);
  await failsWith(603, AV.User.signUpOrlogInWithMobilePhone(phone, '000000'));
});

test('a code logs in', async () => {
  const { user, phone } = await withPhone();
  await AV.User.requestLoginSmsCode(phone);
  const code = await codeTo(phone, 'log_in');
  await failsWith(603, AV.User.logInWithMobilePhoneSmsCode(phone, wrong(code)));
  assert.equal((await AV.User.logInWithMobilePhoneSmsCode(phone, code)).id, user.id);
  await failsWith(603, AV.User.logInWithMobilePhoneSmsCode(phone, code));
});

test('a code to log in is for verified numbers', async () => {
  const phone = newPhone();
  await signUp({ mobilePhoneNumber: phone });
  await failsWith(215, AV.User.requestLoginSmsCode(phone));
  await failsWith(213, AV.User.requestLoginSmsCode(newPhone()));
  await failsWith(127, AV.User.requestLoginSmsCode('not a number'));
});

test('a code resets a password', async () => {
  const { user, phone } = await withPhone();
  await AV.User.requestPasswordResetBySmsCode(phone);
  const code = await codeTo(phone, 'reset_password');
  await AV.User.resetPasswordBySmsCode(code, 'new', phone);
  assert.equal((await AV.User.logInWithMobilePhone(phone, 'new')).id, user.id);
  await failsWith(210, AV.User.logInWithMobilePhone(phone, 'old'));
  await failsWith(603, AV.User.resetPasswordBySmsCode(code, 'newer', phone));
});

test('a number is changed by the code that goes to the new one', async () => {
  const { user } = await withPhone();
  const phone = newPhone();
  await failsWith(206, AV.User.requestChangePhoneNumber(phone));
  await AV.User.logIn(user.getUsername(), 'old');
  await AV.User.requestChangePhoneNumber(phone);
  await AV.User.changePhoneNumber(phone, await codeTo(phone, 'change_phone'));
  const own = await AV.User.current().fetch();
  assert.deepEqual([own.getMobilePhoneNumber(), own.get('mobilePhoneVerified')], [phone, true]);
});

// codes for whatever the client has in mind

test('a code confirms', async () => {
  const phone = newPhone();
  await AV.Cloud.requestSmsCode({ mobilePhoneNumber: phone, template: 'order', sign: 'Shop', ttl: 3, order: '17' });
  const code = await codeTo(phone, 'confirm');
  await failsWith(603, AV.Cloud.verifySmsCode(wrong(code), phone));
  await AV.Cloud.verifySmsCode(code, phone);
  await failsWith(603, AV.Cloud.verifySmsCode(code, phone));
});

// captchas

test('a captcha before a code', async () => {
  const captcha = await AV.Captcha.request({ width: 100, height: 50 });
  assert.match(captcha.url, /\.png$/);
  await failsWith(1, captcha.verify('wrong'));
  await captcha.refresh();
  await captcha.verify('abcd');
  const phone = newPhone();
  await AV.Cloud.requestSmsCode(phone, { validateToken: captcha.validateToken });
  await AV.Cloud.verifySmsCode(await codeTo(phone, 'confirm'), phone);
  await failsWith(1, AV.Cloud.requestSmsCode(phone, { validateToken: captcha.validateToken }));
  await failsWith(1, AV.Captcha.request({ size: 3 })); // for the master key
  await AV.Captcha.request({ size: 3, ttl: 30 }, { useMasterKey: true });
});
