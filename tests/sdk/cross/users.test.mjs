// One account, two dialects: who signs up with one SDK logs in with the other, and a session of one works in the other.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { beforeEach, test } from 'node:test';

import { failsWith } from '../checks.mjs';
import * as leancloud from '../leancloud/sdk.mjs';
import * as parse from '../parse/sdk.mjs';
import { newClass } from '../target.mjs';

const { AV } = leancloud;
const { Parse } = parse;

const newName = (name = 'user') => newClass(name).toLowerCase();

/** What each SDK calls the same thing. */
const SDKS = {
  Parse: {
    signUp: (username, attributes) => Parse.User.signUp(username, 'secret', attributes, { installationId: randomUUID() }),
    logIn: (username, password = 'secret') => Parse.User.logIn(username, password, { installationId: randomUUID() }),
    owner: async token => (await Parse.User.me(token)).id,
    logInWith: (provider, authData) => Parse.User.logInWith(provider, { authData }),
    save: (user, attributes, token) => Parse.User.createWithoutData(user.id).save(attributes, { sessionToken: token }),
    destroy: (user, token) => Parse.User.createWithoutData(user.id).destroy({ sessionToken: token }),
    wrongPassword: Parse.Error.OBJECT_NOT_FOUND,
    badToken: Parse.Error.INVALID_SESSION_TOKEN,
  },
  LeanCloud: {
    signUp: (username, attributes) => AV.User.signUp(username, 'secret', attributes),
    logIn: (username, password = 'secret') => AV.User.logIn(username, password),
    owner: async token => (await leancloud.send('GET', '/users/me', { authOptions: { sessionToken: token } })).objectId,
    logInWith: (provider, authData) => AV.User.loginWithAuthData(authData, provider),
    save: (user, attributes, token) => AV.Object.createWithoutData('_User', user.id).save(attributes, { sessionToken: token }),
    destroy: (user, token) => AV.Object.createWithoutData('_User', user.id).destroy({ sessionToken: token }),
    wrongPassword: 210,
    badToken: 211,
  },
};

/** Begins with one SDK and goes on with the other: once in each direction. */
function bothWays(title, check) {
  test(`${title}: from Parse to LeanCloud`, () => check(SDKS.Parse, SDKS.LeanCloud));
  test(`${title}: from LeanCloud to Parse`, () => check(SDKS.LeanCloud, SDKS.Parse));
}

beforeEach(() => AV.User.logOut());

bothWays('who signed up there logs in here, and is the same user', async (there, here) => {
  const username = newName();
  const email = `${username}@example.com`;
  const user = await there.signUp(username, { email, nick: 'Ann', n: 1, tags: ['a'] });
  const found = await here.logIn(username);
  assert.deepEqual([found.id, found.get('username'), found.get('email')], [user.id, username, email]);
  assert.deepEqual([found.get('nick'), found.get('n'), found.get('tags')], ['Ann', 1, ['a']]);
  assert.deepEqual(found.createdAt, user.createdAt);
  await failsWith(here.wrongPassword, here.logIn(username, 'wrong'));
});

bothWays('a session opened there works here', async (there, here) => {
  const user = await there.signUp(newName());
  const token = user.getSessionToken();
  assert.equal(await here.owner(token), user.id);
  await here.save(user, { nick: 'Bea' }, token);
  assert.equal((await there.logIn(user.get('username'))).get('nick'), 'Bea');
});

bothWays('a name that is taken there is taken here', async (there, here) => {
  const username = newName();
  await there.signUp(username, { email: `${username}@example.com` });
  await failsWith(202, here.signUp(username));
  await failsWith(203, here.signUp(newName(), { email: `${username}@example.com` }));
});

bothWays('a password that is changed there is the password here, and ends the sessions', async (there, here) => {
  const username = newName();
  const user = await there.signUp(username);
  const before = [user.getSessionToken(), (await here.logIn(username)).getSessionToken()];
  await there.save(user, { password: 'changed' }, before[0]);
  await failsWith(here.wrongPassword, here.logIn(username));
  assert.equal((await here.logIn(username, 'changed')).id, user.id);
  for (const token of before) {
    await failsWith(here.badToken, here.owner(token));
    await failsWith(there.badToken, there.owner(token));
  }
});

bothWays('a user of a provider is the same user', async (there, here) => {
  const authData = { id: newName('id'), uid: newName('uid'), access_token: 'token' };
  const user = await there.logInWith('myprovider', authData);
  await AV.User.logOut();
  assert.equal((await here.logInWith('myprovider', authData)).id, user.id);
});

bothWays('a user that is deleted there is gone here', async (there, here) => {
  const username = newName();
  const user = await there.signUp(username);
  const token = user.getSessionToken();
  await there.destroy(user, token);
  await AV.User.logOut();
  await failsWith(here.badToken, here.owner(token));
  await failsWith(here.wrongPassword, here.logIn(username));
});

test('a log-out by Parse ends a token that LeanCloud gave out', async () => {
  const user = await AV.User.signUp(newName(), 'secret');
  await AV.User.logOut();
  await Parse.User.logOut({ sessionToken: user.getSessionToken() });
  await failsWith(211, SDKS.LeanCloud.owner(user.getSessionToken()));
});

test('a log-in by Parse leaves the token of LeanCloud', async () => {
  const user = await AV.User.signUp(newName(), 'secret');
  await AV.User.logOut();
  await Parse.User.logIn(user.getUsername(), 'secret');
  await Parse.User.logIn(user.getUsername(), 'secret');
  assert.equal(await SDKS.LeanCloud.owner(user.getSessionToken()), user.id);
});

test('a refreshed token ends the sessions of Parse, too', async () => {
  const username = newName();
  const found = await Parse.User.signUp(username, 'secret');
  const user = await AV.User.logIn(username, 'secret');
  await user.refreshSessionToken();
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, Parse.User.me(found.getSessionToken()));
  assert.equal((await Parse.User.me(user.getSessionToken())).id, user.id);
});

test('a session that LeanCloud opened is an object for Parse', async () => {
  const user = await AV.User.signUp(newName(), 'secret');
  const [session] = await new Parse.Query(Parse.Session).find({ sessionToken: user.getSessionToken() });
  assert.deepEqual([session.getSessionToken(), session.get('user').id], [user.getSessionToken(), user.id]);
});
