// Sessions as objects. Parse Server and its SDKs on the wire

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { failsWith } from '../checks.mjs';
import { newClass, parse as target } from '../target.mjs';
import { as, master, newName, Parse, send, signUp } from './sdk.mjs';

const mount = new URL(target.serverURL).pathname;
const DAY = 24 * 60 * 60 * 1000;

const sessions = options => new Parse.Query(Parse.Session).find(options);
const tokensOf = found => found.map(session => session.getSessionToken()).sort();

/** A user on two devices. */
async function twice() {
  const username = newName();
  const first = await Parse.User.signUp(username, 'secret', {}, { installationId: randomUUID() });
  const second = await Parse.User.logIn(username, 'secret', { installationId: randomUUID() });
  return { first, second, tokens: [first, second].map(user => user.getSessionToken()).sort() };
}

test('the current session tells whose it is, how it came and when it ends', async () => {
  const installationId = randomUUID();
  const username = newName();
  const user = await Parse.User.signUp(username, 'secret', {}, { installationId });
  const signedUp = await send('GET', 'sessions/me', {}, as(user));
  assert.deepEqual(signedUp.createdWith, { action: 'signup', authProvider: 'password' });
  assert.deepEqual(signedUp.user, { __type: 'Pointer', className: '_User', objectId: user.id });
  assert.deepEqual([signedUp.sessionToken, signedUp.installationId], [user.getSessionToken(), installationId]);
  assert.equal(signedUp.expiresAt.__type, 'Date');
  const days = (new Date(signedUp.expiresAt.iso) - new Date(signedUp.createdAt)) / DAY;
  assert.ok(days > 364 && days < 367, `${days} days`);
  const loggedIn = await send('GET', 'sessions/me', {}, as(await Parse.User.logIn(username, 'secret')));
  assert.deepEqual(loggedIn.createdWith, { action: 'login', authProvider: 'password' });
  assert.notEqual(loggedIn.objectId, signedUp.objectId);
});

test('a session by a provider tells which', async () => {
  const user = await Parse.AnonymousUtils.logIn();
  const session = await send('GET', 'sessions/me', {}, as(user));
  assert.deepEqual(session.createdWith, { action: 'signup', authProvider: 'anonymous' });
});

test('there is no current session without a token, or with a wrong one', async () => {
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, send('GET', 'sessions/me'));
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, send('GET', 'sessions/me', {}, { sessionToken: 'r:00000000000000000000000000000000' }));
});

test('a user finds its own sessions and no others', async () => {
  const { first, tokens } = await twice();
  const stranger = await signUp();
  const found = await sessions(as(first));
  assert.ok(found.every(session => session instanceof Parse.Session && session.get('user').id === first.id));
  assert.deepEqual(tokensOf(found), tokens);
  assert.deepEqual(tokensOf(await sessions(as(stranger))), [stranger.getSessionToken()]);
  assert.equal(await new Parse.Query(Parse.Session).count(as(first)), 2);
});

test('no condition finds the sessions of others', async () => {
  const [user, stranger] = [await signUp(), await signUp()];
  const theirs = new Parse.Query(Parse.Session).equalTo('user', user);
  const byToken = new Parse.Query(Parse.Session).equalTo('sessionToken', user.getSessionToken());
  const either = Parse.Query.or(new Parse.Query(Parse.Session).exists('user'), new Parse.Query(Parse.Session).doesNotExist('user'));
  for (const query of [theirs, byToken, either]) {
    const found = await query.find(as(stranger));
    assert.ok(found.every(session => session.get('user').id === stranger.id));
  }
  assert.equal(await theirs.count(as(stranger)), 0);
});

test('no query within a query tells about the sessions of others', async () => {
  const [user, stranger] = [await signUp(), await signUp()];
  const post = await new Parse.Object(newClass('Post'), { author: user, token: user.getSessionToken() }).save();
  const posts = () => new Parse.Query(post.className);
  const all = new Parse.Query(Parse.Session).exists('user');
  for (const options of [{}, as(stranger)]) {
    assert.equal(await posts().matchesKeyInQuery('author', 'user', all).count(options), 0);
    assert.equal(await posts().matchesKeyInQuery('token', 'sessionToken', all).count(options), 0);
  }
  assert.equal(await posts().matchesKeyInQuery('author', 'user', all).count(as(user)), 1);
});

test('nobody finds no sessions', async () => {
  await signUp();
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, sessions());
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, send('GET', 'sessions'));
});

test('the master finds the sessions of everybody', async () => {
  const { first, tokens } = await twice();
  const found = await new Parse.Query(Parse.Session).equalTo('user', first).find(master);
  assert.deepEqual(tokensOf(found), tokens);
});

test('a user ends one of its sessions', async () => {
  const { first, second } = await twice();
  const session = (await sessions(as(first))).find(each => each.getSessionToken() === second.getSessionToken());
  await session.destroy(as(first));
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, Parse.User.me(second.getSessionToken()));
  assert.equal((await Parse.User.me(first.getSessionToken())).id, first.id);
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, session.destroy(as(first)));
});

test('nobody reads, changes or ends the session of another', async () => {
  const [user, stranger] = [await signUp(), await signUp()];
  const [session] = await sessions(as(user));
  const path = `sessions/${session.id}`;
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, send('GET', path, {}, as(stranger)));
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, send('PUT', path, { note: 'x' }, as(stranger)));
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, send('DELETE', path, {}, as(stranger)));
  for (const method of ['GET', 'PUT', 'DELETE']) {
    await failsWith([Parse.Error.INVALID_SESSION_TOKEN, Parse.Error.OBJECT_NOT_FOUND], send(method, path));
  }
  assert.equal((await Parse.User.me(user.getSessionToken())).id, user.id);
});

test('a user makes another session', async () => {
  const user = await signUp();
  const answer = await send('POST', 'sessions', { sessionToken: 'r:chosen', user: 'x' }, as(user));
  assert.deepEqual([answer.user.objectId, answer.createdWith], [user.id, { action: 'create' }]);
  assert.notEqual(answer.sessionToken, user.getSessionToken());
  assert.equal((await Parse.User.me(answer.sessionToken)).id, user.id);
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, Parse.User.me('r:chosen'));
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, send('POST', 'sessions'));
});

test('a user writes its own fields into a session, and none of the server', async () => {
  const user = await signUp();
  const [session] = await sessions(as(user));
  await session.save({ note: 'phone' }, as(user));
  assert.equal((await send('GET', 'sessions/me', {}, as(user))).note, 'phone');
  const fields = {
    user: { __type: 'Pointer', className: '_User', objectId: 'x' },
    sessionToken: 'r:chosen',
    installationId: 'x',
    createdWith: {},
    expiresAt: null,
    ACL: { '*': { read: true } },
  };
  for (const [field, value] of Object.entries(fields)) {
    await failsWith(Parse.Error.INVALID_KEY_NAME, send('PUT', `sessions/${session.id}`, { [field]: value }, as(user)));
  }
});

test('a log-in on the same device ends the session it had there', async () => {
  const [username, installationId] = [newName(), randomUUID()];
  const first = await Parse.User.signUp(username, 'secret', {}, { installationId });
  const second = await Parse.User.logIn(username, 'secret', { installationId });
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, Parse.User.me(first.getSessionToken()));
  assert.deepEqual(tokensOf(await sessions(as(second))), [second.getSessionToken()]);
});

test('a log-out ends the session as an object, too', async () => {
  const { first, second } = await twice();
  await Parse.User.logOut(as(second));
  assert.deepEqual(tokensOf(await sessions(as(first))), [first.getSessionToken()]);
});

test('the sessions of a deleted user are gone', async () => {
  const user = await signUp();
  await user.destroy(as(user));
  assert.deepEqual(await new Parse.Query(Parse.Session).equalTo('user', user).find(master), []);
});

test('a session that the master opened says so', async () => {
  const user = await signUp();
  const session = await send('GET', 'sessions/me', {}, as(await Parse.User.loginAs(user.id)));
  assert.deepEqual(session.createdWith, { action: 'login', authProvider: 'masterkey' });
});

// restricted sessions, and their installations: Parse REST guide, "Sessions"

const newRestricted = async user => ({ sessionToken: (await send('POST', 'sessions', {}, as(user))).sessionToken });
const { OPERATION_FORBIDDEN, INVALID_SESSION_TOKEN } = Parse.Error;

test('a restricted session writes no user, session or role, alone or in a batch', async () => {
  const user = await signUp();
  const restricted = await newRestricted(user);
  const session = await send('GET', 'sessions/me', {}, restricted);
  assert.equal(session.restricted, true);
  const body = { note: 'x' };
  const role = { name: newClass('role'), ACL: { '*': { read: true } } };
  const calls = [
    ['PUT', `users/${user.id}`, body],
    ['PUT', `classes/_User/${user.id}`, body],
    ['DELETE', `users/${user.id}`, {}],
    ['POST', 'sessions', {}],
    ['PUT', `sessions/${session.objectId}`, body],
    ['DELETE', `sessions/${session.objectId}`, {}],
    ['POST', 'roles', role],
    ['POST', 'classes/_Role', role],
  ];
  for (const [method, path, data] of calls) {
    await failsWith(OPERATION_FORBIDDEN, send(method, path, data, restricted));
    const requests = [{ method, path: `${mount}/${path}`, body: data }];
    const [answer] = await send('POST', 'batch', { requests }, restricted);
    assert.equal(answer.error.code, OPERATION_FORBIDDEN, `${method} ${path}`);
  }
  const thing = await new Parse.Object(newClass('Thing'), { owner: user }).save(null, restricted);
  assert.equal((await new Parse.Query(thing.className).include('owner').get(thing.id, restricted)).get('owner').id, user.id);
});

test('a restricted session sees no unrestricted one', async () => {
  const user = await signUp();
  const restricted = await newRestricted(user);
  assert.deepEqual(tokensOf(await sessions(restricted)), [restricted.sessionToken]);
  assert.equal((await sessions(as(user))).length, 2);
  const own = await send('GET', 'sessions/me', {}, as(user));
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, send('GET', `sessions/${own.objectId}`, {}, restricted));
});

test('a restricted session is paired with an installation, once', async () => {
  const user = await signUp();
  const restricted = await newRestricted(user);
  const pair = (installationId, options = restricted) => send('PUT', 'sessions/me', {}, { ...options, installationId });
  const [first, second] = [randomUUID(), randomUUID()];
  assert.ok((await pair(first)).updatedAt);
  await pair(first);
  await failsWith(OPERATION_FORBIDDEN, pair(second));
  assert.equal((await send('GET', 'sessions/me', {}, restricted)).installationId, first);
  await failsWith(OPERATION_FORBIDDEN, pair(first, as(user)));
  await failsWith(INVALID_SESSION_TOKEN, pair(first, {}));
});

test('a token that is revocable stays when it is upgraded', async () => {
  const user = await signUp();
  const token = user.getSessionToken();
  const session = await send('POST', 'upgradeToRevocableSession', {}, as(user));
  assert.deepEqual([session.sessionToken, session.user.objectId], [token, user.id]);
  await failsWith(INVALID_SESSION_TOKEN, send('POST', 'upgradeToRevocableSession'));
});

test('what a client may not write of a session is told by its name', async () => {
  const user = await signUp();
  const [session] = await sessions(as(user));
  const write = body => failsWith(Parse.Error.INVALID_KEY_NAME, send('PUT', `sessions/${session.id}`, body, as(user)));
  assert.equal((await write({ user: 'x' })).message, 'Invalid key name: user');
  assert.equal((await write({ ACL: { '*': { read: true } } })).message, 'Cannot set ACL on a Session.');
});

test('the session after a change of the password does not tell how it came', async () => {
  const user = await signUp();
  const { sessionToken } = await send('PUT', `users/${user.id}`, { password: 'new' }, as(user));
  assert.equal((await send('GET', 'sessions/me', {}, { sessionToken })).createdWith, undefined);
});
