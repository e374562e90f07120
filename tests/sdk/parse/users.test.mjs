// The life of a user. Parse Server and its SDKs on the wire

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { failsWith, sorted } from '../checks.mjs';
import { newClass, parse as target } from '../target.mjs';
import { as, fresh, make, master, newEmail, newName, Parse, send, signUp } from './sdk.mjs';

const mount = new URL(target.serverURL).pathname;
const TOKEN = /^r:[0-9a-f]{32}$/;
const MISSING = 'nosuchid00';

const userReference = id => Parse.User.createWithoutData(id);
const find = (id, options) => new Parse.Query(Parse.User).equalTo('objectId', id).first(options);
const logInWith = (provider, authData) => Parse.User.logInWith(provider, { authData });

/** As an app on a device does it: the SDK remembers who logged in, and sends the token by itself. */
async function onDevice(run) {
  Parse.User.enableUnsafeCurrentUser();
  try {
    return await run();
  } finally {
    await Parse.User.logOut().catch(() => {});
    Parse.User.disableUnsafeCurrentUser();
  }
}

// signing up

test('a new user gets an id, a time and a session token', async () => {
  const username = newName();
  const user = await Parse.User.signUp(username, 'secret', { nick: 'Ann', n: 1 });
  assert.match(user.id, /^[0-9A-Za-z]+$/);
  assert.match(user.getSessionToken(), TOKEN);
  assert.ok(Math.abs(Date.now() - user.createdAt) < 60_000);
  assert.deepEqual(user.updatedAt, user.createdAt);
  const me = await Parse.User.me(user.getSessionToken());
  assert.deepEqual([me.id, me.get('username'), me.get('nick'), me.get('n')], [user.id, username, 'Ann', 1]);
});

test('a sign-up answers no more than id, time and token, and says where the user is', async () => {
  const response = await fetch(`${target.serverURL}/users`, {
    method: 'POST',
    headers: {
      'X-Parse-Application-Id': target.appId,
      'X-Parse-Javascript-Key': target.javascriptKey,
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({ username: newName(), password: 'secret', phone: '415' }),
  });
  const answer = await response.json();
  assert.equal(response.status, 201);
  assert.deepEqual(Object.keys(answer).sort(), ['createdAt', 'objectId', 'sessionToken']);
  assert.ok(response.headers.get('location').endsWith(`/users/${answer.objectId}`));
});

test('a sign-up through the class is one as well', async () => {
  const answer = await send('POST', 'classes/_User', { username: newName(), password: 'secret' });
  assert.match(answer.sessionToken, TOKEN);
  assert.equal((await Parse.User.me(answer.sessionToken)).id, answer.objectId);
});

test('a sign-up with the master key opens no session', async () => {
  const user = await Parse.User.signUp(newName(), 'secret', {}, master);
  assert.ok(user.id);
  assert.equal(user.getSessionToken(), undefined);
});

test('a new user can be read by everybody and written by itself', async () => {
  const user = await signUp();
  const me = await Parse.User.me(user.getSessionToken());
  assert.deepEqual(me.getACL().toJSON(), { '*': { read: true }, [user.id]: { read: true, write: true } });
});

test('a username is taken once, whatever its case', async () => {
  const username = newName();
  await Parse.User.signUp(username, 'secret');
  for (const taken of [username, username.toUpperCase()]) {
    const error = await failsWith(Parse.Error.USERNAME_TAKEN, Parse.User.signUp(taken, 'other'));
    assert.equal(error.message, 'Account already exists for this username.');
  }
});

test('an email address is taken once, whatever its case', async () => {
  const email = newEmail();
  await signUp({ email });
  for (const taken of [email, email.toUpperCase()]) {
    const error = await failsWith(Parse.Error.EMAIL_TAKEN, signUp({ email: taken }));
    assert.equal(error.message, 'Account already exists for this email address.');
  }
});

test('users without an email address do not clash', async () => {
  const [a, b] = [await signUp(), await signUp()];
  assert.notEqual(a.id, b.id);
});

const BAD_SIGN_UPS = {
  'without a username': [{ password: 'secret' }, Parse.Error.USERNAME_MISSING],
  'with an empty username': [{ username: '', password: 'secret' }, Parse.Error.USERNAME_MISSING],
  'without a password': [{ username: newName() }, Parse.Error.PASSWORD_MISSING],
  'with an empty password': [{ username: newName(), password: '' }, Parse.Error.PASSWORD_MISSING],
  'with something that is no address': [{ username: newName(), password: 'secret', email: 'nonsense' }, Parse.Error.INVALID_EMAIL_ADDRESS],
  'with empty authData': [{ authData: {} }, Parse.Error.USERNAME_MISSING],
};

for (const [title, [body, code]] of Object.entries(BAD_SIGN_UPS)) {
  test(`a sign-up ${title} is ${code}`, () => failsWith(code, send('POST', 'users', body)));
}

test('one of many sign-ups with one username at the same time succeeds', async () => {
  const username = newName();
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => Parse.User.signUp(username, 'secret')));
  assert.equal(results.filter(result => result.status === 'fulfilled').length, 1);
  const codes = results.filter(result => result.status === 'rejected').map(result => result.reason.code);
  assert.deepEqual(codes, Array(7).fill(Parse.Error.USERNAME_TAKEN));
});

// logging in

for (const usePost of [true, false]) {
  const method = usePost ? 'POST' : 'GET';
  test(`who knows the password logs in by ${method}, with username or address`, async () => {
    const [username, email] = [newName(), newEmail()];
    const user = await Parse.User.signUp(username, 'secret & more', { email, nick: 'Ann' });
    for (const name of [username, email]) {
      const found = await Parse.User.logIn(name, 'secret & more', { usePost });
      assert.deepEqual([found.id, found.get('username'), found.get('nick')], [user.id, username, 'Ann']);
      assert.match(found.getSessionToken(), TOKEN);
      assert.deepEqual(found.getACL().toJSON(), { '*': { read: true }, [user.id]: { read: true, write: true } });
      assert.ok(found.updatedAt instanceof Date);
    }
    assert.equal((await send(method, 'login', { email, password: 'secret & more' })).objectId, user.id);
    assert.equal((await send(method, 'login', { username, email, password: 'secret & more' })).objectId, user.id);
  });
}

test('no answer has a password in it', async () => {
  const username = newName();
  const { id } = await Parse.User.signUp(username, 'secret-that-nobody-sees');
  const user = await send('POST', 'login', { username, password: 'secret-that-nobody-sees' });
  const answers = [
    user,
    await send('GET', 'users/me', {}, user),
    await send('GET', `users/${id}`, {}, user),
    await send('GET', `classes/_User/${id}`, {}, master),
    await send('GET', 'users', { where: { objectId: id } }, master),
    await send('PUT', `users/${id}`, { password: 'other-that-nobody-sees' }, user),
  ];
  assert.doesNotMatch(JSON.stringify(answers), /password|nobody-sees|argon|bcrypt|\$2[aby]\$/i);
});

test('a username logs in as it was written only', async () => {
  const username = newName();
  await Parse.User.signUp(username, 'secret');
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, Parse.User.logIn(username.toUpperCase(), 'secret'));
});

const WRONG = 'Invalid username/password.';
const BAD_LOG_INS = {
  'a wrong password': [user => ({ username: user, password: 'wrong' }), Parse.Error.OBJECT_NOT_FOUND, WRONG],
  'a password in another case': [user => ({ username: user, password: 'SECRET' }), Parse.Error.OBJECT_NOT_FOUND, WRONG],
  'an unknown user': [() => ({ username: newName(), password: 'secret' }), Parse.Error.OBJECT_NOT_FOUND, WRONG],
  'a password that is a number': [user => ({ username: user, password: 1 }), Parse.Error.OBJECT_NOT_FOUND, WRONG],
  'a password that is an operator': [user => ({ username: user, password: { $ne: 'x' } }), Parse.Error.OBJECT_NOT_FOUND, WRONG],
  'no password': [user => ({ username: user }), Parse.Error.PASSWORD_MISSING, 'password is required.'],
  nothing: [() => ({}), Parse.Error.USERNAME_MISSING, 'username/email is required.'],
  'a name and the address of another': [user => ({ username: user, email: newEmail(), password: 'secret' }), Parse.Error.OBJECT_NOT_FOUND, WRONG],
};

for (const [title, [body, code, text]] of Object.entries(BAD_LOG_INS)) {
  test(`a log-in with ${title} is ${code}`, async () => {
    const username = newName();
    await Parse.User.signUp(username, 'secret');
    for (const method of ['POST', 'GET']) {
      const error = await failsWith(code, send(method, 'login', body(username)));
      assert.equal(error.message, text);
    }
  });
}

test('a log-in takes no notice of a bad session token', async () => {
  const username = newName();
  const user = await Parse.User.signUp(username, 'secret');
  const found = await Parse.User.logIn(username, 'secret', { sessionToken: 'r:00000000000000000000000000000000' });
  assert.equal(found.id, user.id);
});

test('too many wrong passwords lock the account for a while', async () => {
  const username = newName();
  await Parse.User.signUp(username, 'secret');
  for (let n = 0; n < 7; n += 1) await failsWith(Parse.Error.OBJECT_NOT_FOUND, Parse.User.logIn(username, 'wrong'));
  const error = await failsWith(Parse.Error.OBJECT_NOT_FOUND, Parse.User.logIn(username, 'secret'));
  assert.match(error.message, /^Your account is locked due to multiple failed login attempts\./);
});

test('many log-ins of one device at the same time all succeed', async () => {
  const username = newName();
  const { id } = await Parse.User.signUp(username, 'secret');
  const users = await Promise.all(Array.from({ length: 6 }, () => Parse.User.logIn(username, 'secret')));
  assert.ok(users.every(user => user.id === id));
});

test('a password is verified without a session', async () => {
  const username = newName();
  const user = await Parse.User.signUp(username, 'secret', { nick: 'Ann' });
  const found = await Parse.User.verifyPassword(username, 'secret');
  assert.deepEqual([found.objectId, found.nick, 'sessionToken' in found], [user.id, 'Ann', false]);
  assert.equal((await send('POST', 'verifyPassword', { username, password: 'secret' })).objectId, user.id);
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, Parse.User.verifyPassword(username, 'wrong'));
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, Parse.User.verifyPassword(newName(), 'secret'));
});

test('the master logs in as a user without its password', async () => {
  const user = await signUp({ nick: 'Ann' });
  const found = await Parse.User.loginAs(user.id);
  assert.deepEqual([found.id, found.get('nick')], [user.id, 'Ann']);
  assert.notEqual(found.getSessionToken(), user.getSessionToken());
  assert.equal((await Parse.User.me(found.getSessionToken())).id, user.id);
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, Parse.User.loginAs(MISSING));
  await failsWith(Parse.Error.INVALID_VALUE, send('POST', 'loginAs', {}, master));
});

test('the user to log in as may stand in the query', async () => {
  const user = await signUp();
  const found = await send('POST', `loginAs?userId=${user.id}`, {}, master);
  assert.equal(found.objectId, user.id);
  await failsWith(Parse.Error.OPERATION_FORBIDDEN, send('POST', `loginAs?userId=${user.id}`));
});

test('nobody else logs in as a user', async () => {
  const [user, other] = [await signUp(), await signUp()];
  const error = await failsWith(Parse.Error.OPERATION_FORBIDDEN, send('POST', 'loginAs', { userId: user.id }));
  assert.equal(error.message, 'master key is required');
  await failsWith(Parse.Error.OPERATION_FORBIDDEN, send('POST', 'loginAs', { userId: user.id }, as(other)));
});

// session tokens

test('a session token ends with its log-out, and others go on', async () => {
  const username = newName();
  const first = await Parse.User.signUp(username, 'secret', {}, { installationId: randomUUID() });
  const second = await Parse.User.logIn(username, 'secret', { installationId: randomUUID() });
  assert.notEqual(first.getSessionToken(), second.getSessionToken());
  await Parse.User.logOut(as(first));
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, Parse.User.me(first.getSessionToken()));
  assert.equal((await Parse.User.me(second.getSessionToken())).id, first.id);
});

test('a bad token is 209 wherever it is sent', async () => {
  const { className, id } = await make(newClass('Thing'), { n: 1 });
  const bad = { sessionToken: 'r:00000000000000000000000000000000' };
  const calls = [
    () => Parse.User.me(bad.sessionToken),
    () => new Parse.Query(className).find(bad),
    () => new Parse.Query(className).count(bad),
    () => fresh({ className, id }).then(object => object.save({ n: 2 }, bad)),
    () => new Parse.Object(className, { n: 3 }).save(null, bad),
    () => send('POST', 'batch', { requests: [{ method: 'POST', path: `${mount}/classes/${className}`, body: { n: 4 } }] }, bad),
    () => Parse.User.logOut(bad),
  ];
  for (const call of calls) {
    const error = await failsWith(Parse.Error.INVALID_SESSION_TOKEN, call());
    assert.equal(error.message, 'Invalid session token');
  }
  assert.deepEqual((await new Parse.Query(className).find()).map(object => object.get('n')), [1]);
});

test('what is almost a token is none', async () => {
  const user = await signUp();
  const token = user.getSessionToken();
  for (const other of [token.slice(0, -1), `${token}0`, token.slice(2), token.toUpperCase(), user.id]) {
    await failsWith(Parse.Error.INVALID_SESSION_TOKEN, Parse.User.me(other));
  }
});

test('without a token there is no current user', async () => {
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, send('GET', 'users/me'));
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, send('GET', 'users/me', {}, master));
});

test('a log-out without a token changes nothing', async () => {
  assert.deepEqual(await send('POST', 'logout'), {});
});

test('on a device the SDK remembers who it is', () => onDevice(async () => {
  const username = newName();
  const user = await Parse.User.signUp(username, 'secret');
  assert.equal(Parse.User.current().id, user.id);
  assert.ok(user.authenticated());
  await user.save({ nick: 'Ann' });
  const token = user.getSessionToken();
  await Parse.User.logOut();
  assert.equal(Parse.User.current(), null);
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, Parse.User.become(token));
  await Parse.User.logIn(username, 'secret');
  assert.equal(Parse.User.current().get('nick'), 'Ann');
  const session = await Parse.Session.current();
  assert.equal(session.getSessionToken(), Parse.User.current().getSessionToken());
  assert.equal(session.get('user').id, user.id);
}));

test('become makes the owner of a token the current user', async () => {
  const user = await signUp({ nick: 'Ann' });
  await onDevice(async () => {
    const current = await Parse.User.become(user.getSessionToken());
    assert.deepEqual([current.id, current.get('nick'), Parse.User.current().id], [user.id, 'Ann', user.id]);
    assert.equal(current.getSessionToken(), user.getSessionToken());
    await failsWith(Parse.Error.INVALID_SESSION_TOKEN, Parse.User.become('r:00000000000000000000000000000000'));
  });
});

// changing

test('a user changes itself', async () => {
  const user = await signUp({ nick: 'Ann', n: 1 });
  const email = newEmail();
  await user.save({ nick: 'Bea', email }, as(user));
  user.increment('n');
  await user.save(null, as(user));
  assert.equal(user.get('n'), 2);
  const me = await Parse.User.me(user.getSessionToken());
  assert.deepEqual([me.get('nick'), me.get('n'), me.get('email')], ['Bea', 2, email]);
});

test('a user takes another username and logs in with that', async () => {
  const [username, other] = [newName(), newName()];
  const user = await Parse.User.signUp(username, 'secret');
  await user.save({ username: other }, as(user));
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, Parse.User.logIn(username, 'secret'));
  assert.equal((await Parse.User.logIn(other, 'secret')).id, user.id);
  await Parse.User.signUp(username, 'secret');
});

test('what is taken cannot be taken over', async () => {
  const [username, email] = [newName(), newEmail()];
  await Parse.User.signUp(username, 'secret', { email });
  const user = await signUp();
  await failsWith(Parse.Error.USERNAME_TAKEN, userReference(user.id).save({ username }, as(user)));
  await failsWith(Parse.Error.EMAIL_TAKEN, userReference(user.id).save({ email }, as(user)));
  await failsWith(Parse.Error.INVALID_EMAIL_ADDRESS, userReference(user.id).save({ email: 'nonsense' }, as(user)));
});

test('a user may save the name and the address that it has', async () => {
  const [username, email] = [newName(), newEmail()];
  const user = await Parse.User.signUp(username, 'secret', { email });
  await userReference(user.id).save({ username, email }, as(user));
  assert.equal((await Parse.User.logIn(email, 'secret')).id, user.id);
});

test('a new password brings a new token and ends all others', async () => {
  const username = newName();
  const user = await Parse.User.signUp(username, 'secret', {}, { installationId: randomUUID() });
  const other = await Parse.User.logIn(username, 'secret', { installationId: randomUUID() });
  const before = user.getSessionToken();
  await user.save({ password: 'changed' }, as(user));
  assert.match(user.getSessionToken(), TOKEN);
  assert.notEqual(user.getSessionToken(), before);
  for (const ended of [before, other.getSessionToken()]) {
    await failsWith(Parse.Error.INVALID_SESSION_TOKEN, Parse.User.me(ended));
  }
  assert.equal((await Parse.User.me(user.getSessionToken())).id, user.id);
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, Parse.User.logIn(username, 'secret'));
  assert.equal((await Parse.User.logIn(username, 'changed')).id, user.id);
});

test('the master sets a password, and gets no token', async () => {
  const username = newName();
  const user = await Parse.User.signUp(username, 'secret');
  const answer = await send('PUT', `classes/_User/${user.id}`, { password: 'changed' }, master);
  assert.deepEqual(Object.keys(answer), ['updatedAt']);
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, Parse.User.me(user.getSessionToken()));
  assert.equal((await Parse.User.logIn(username, 'changed')).id, user.id);
});

test('a client cannot say that its address is verified', async () => {
  const user = await signUp({ email: newEmail() });
  await failsWith(Parse.Error.OPERATION_FORBIDDEN, userReference(user.id).save({ emailVerified: true }, as(user)));
});

test('nobody else changes or deletes a user', async () => {
  const [user, other] = [await signUp({ nick: 'Ann' }), await signUp()];
  const callers = { 'another user': as(other), nobody: {} };
  for (const [caller, options] of Object.entries(callers)) {
    for (const change of [{ nick: 'Eve' }, { password: 'stolen' }, { username: newName() }, { ACL: { '*': { write: true } } }]) {
      await failsWith(Parse.Error.SESSION_MISSING, send('PUT', `classes/_User/${user.id}`, change, options));
      await failsWith(Parse.Error.SESSION_MISSING, send('PUT', `users/${user.id}`, change, options));
    }
    await failsWith(Parse.Error.SESSION_MISSING, userReference(user.id).destroy(options));
    const [changed, deleted] = await send('POST', 'batch', {
      requests: [
        { method: 'PUT', path: `${mount}/users/${user.id}`, body: { nick: 'Eve' } },
        { method: 'DELETE', path: `${mount}/classes/_User/${user.id}`, body: {} },
      ],
    }, options);
    assert.deepEqual([changed.error?.code, deleted.error?.code], [Parse.Error.SESSION_MISSING, Parse.Error.SESSION_MISSING], caller);
  }
  assert.equal((await Parse.User.me(user.getSessionToken())).get('nick'), 'Ann');
});

test('not even a public write access lets others change a user', async () => {
  const [user, other] = [await signUp({ nick: 'Ann' }), await signUp()];
  const acl = new Parse.ACL(user);
  acl.setPublicReadAccess(true);
  acl.setPublicWriteAccess(true);
  await user.setACL(acl).save(null, as(user));
  await failsWith(Parse.Error.SESSION_MISSING, userReference(user.id).save({ nick: 'Eve' }, as(other)));
  await failsWith(Parse.Error.SESSION_MISSING, userReference(user.id).save({ nick: 'Eve' }));
});

test('the master changes and deletes any user', async () => {
  const user = await signUp({ nick: 'Ann' });
  await userReference(user.id).save({ nick: 'Bea' }, master);
  assert.equal((await Parse.User.me(user.getSessionToken())).get('nick'), 'Bea');
  await userReference(user.id).destroy(master);
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, Parse.User.me(user.getSessionToken()));
});

test('a user deletes itself, and all its tokens end', async () => {
  const username = newName();
  const user = await Parse.User.signUp(username, 'secret');
  await user.destroy(as(user));
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, Parse.User.me(user.getSessionToken()));
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, Parse.User.logIn(username, 'secret'));
  assert.equal(await find(user.id, master), undefined);
  assert.notEqual((await Parse.User.signUp(username, 'secret')).id, user.id);
});

// reading and querying

test('users are found, without what is their own', async () => {
  const team = newName('team');
  const [ann, bea] = [await signUp({ team, email: newEmail() }), await signUp({ team, email: newEmail() })];
  const query = () => new Parse.Query(Parse.User).equalTo('team', team);
  assert.equal(await query().count(), 2);
  const visible = async options => {
    const found = await query().find(options);
    assert.equal(found.length, 2);
    assert.ok(found.every(user => user instanceof Parse.User && user.get('username')));
    assert.ok(found.every(user => !user.has('sessionToken') && !user.has('password')));
    return found.filter(user => user.has('email')).map(user => user.id);
  };
  assert.deepEqual(await visible({}), []);
  assert.deepEqual(await visible(as(ann)), [ann.id]);
  assert.deepEqual((await visible(master)).sort(), [ann.id, bea.id].sort());
});

test('get and fetch hide what a query hides', async () => {
  const [ann, bea] = [await signUp({ email: newEmail() }), await signUp()];
  const has = async options => (await userReference(ann.id).fetch(options)).has('email');
  assert.deepEqual([await has({}), await has(as(bea)), await has(as(ann)), await has(master)], [false, false, true, true]);
  assert.equal('email' in (await send('GET', `users/${ann.id}`, { keys: 'email' }, as(bea))), false);
});

test('an included user hides the same', async () => {
  const [ann, bea] = [await signUp({ email: newEmail(), nick: 'Ann' }), await signUp()];
  const post = await make(newClass('Post'), { author: ann });
  const author = async options => (await new Parse.Query(post.className).include('author').first(options)).get('author');
  assert.equal((await author(as(bea))).get('nick'), 'Ann');
  const emails = [await author({}), await author(as(bea)), await author(as(ann))].map(user => user.has('email'));
  assert.deepEqual(emails, [false, false, true]);
  assert.equal((await author(as(ann))).has('sessionToken'), false);
});

test('nobody finds or sorts users by their addresses', async () => {
  const email = newEmail();
  const user = await signUp({ email });
  const queries = [
    () => new Parse.Query(Parse.User).equalTo('email', email),
    () => new Parse.Query(Parse.User).startsWith('email', email.slice(0, 3)),
    () => new Parse.Query(Parse.User).exists('email'),
    () => Parse.Query.or(new Parse.Query(Parse.User).equalTo('email', email), new Parse.Query(Parse.User).equalTo('nick', 'x')),
    () => new Parse.Query(Parse.User).ascending('email'),
  ];
  for (const query of queries) {
    for (const options of [{}, as(user)]) await failsWith(Parse.Error.OPERATION_FORBIDDEN, query().find(options));
    await failsWith(Parse.Error.OPERATION_FORBIDDEN, query().count());
  }
  assert.equal((await queries[0]().first(master)).id, user.id);
});

test('nobody finds users by a password, not even the master', async () => {
  const user = await signUp();
  for (const key of ['password', '_hashed_password']) {
    const query = new Parse.Query(Parse.User).equalTo('objectId', user.id).exists(key);
    const found = await query.find(master).catch(error => (assert.ok(error.code, error), []));
    assert.deepEqual(found, [], key);
  }
});

test('a user that hides itself is found by itself only', async () => {
  const [ann, bea] = [await signUp(), await signUp()];
  await ann.setACL(new Parse.ACL(ann)).save(null, as(ann));
  for (const options of [{}, as(bea)]) {
    assert.equal(await find(ann.id, options), undefined);
    await failsWith(Parse.Error.OBJECT_NOT_FOUND, userReference(ann.id).fetch(options));
  }
  assert.equal((await find(ann.id, as(ann))).id, ann.id);
  assert.equal((await find(ann.id, master)).id, ann.id);
});

test('a user cannot lock itself out', async () => {
  const user = await signUp();
  await user.setACL(new Parse.ACL({})).save(null, as(user));
  const me = await Parse.User.me(user.getSessionToken());
  assert.deepEqual(me.getACL().toJSON(), { [user.id]: { read: true, write: true } });
  await me.save({ nick: 'Ann' }, as(user));
});

test('users are members of relations and targets of pointers', async () => {
  const [ann, bea] = [await signUp({ nick: 'Ann' }), await signUp({ nick: 'Bea' })];
  const group = new Parse.Object(newClass('Group'), { owner: ann });
  group.relation('members').add([ann, bea]);
  await group.save();
  assert.deepEqual(sorted(await group.relation('members').query().find(), 'nick'), ['Ann', 'Bea']);
  const owned = new Parse.Query(group.className).matchesQuery('owner', new Parse.Query(Parse.User).equalTo('nick', 'Ann'));
  assert.equal((await owned.find()).length, 1);
});

// authData

const anonymous = () => ({ id: randomUUID() });
const external = () => ({ id: newName('id'), access_token: 'token' });

test('an anonymous user has a name that the server made, and its own session', async () => {
  const user = await Parse.AnonymousUtils.logIn();
  assert.match(user.getSessionToken(), TOKEN);
  assert.match(user.get('username'), /^[0-9A-Za-z]{10,}$/);
  assert.ok(Parse.AnonymousUtils.isLinked(user));
  const other = await Parse.AnonymousUtils.logIn();
  assert.notEqual(other.id, user.id);
  const me = await Parse.User.me(user.getSessionToken());
  assert.deepEqual(Object.keys(me.get('authData')), ['anonymous']);
});

for (const [provider, newAuthData] of Object.entries({ anonymous, myprovider: external })) {
  test(`${provider}: the first log-in makes the user, the next one finds it`, async () => {
    const authData = newAuthData();
    const user = await logInWith(provider, authData);
    assert.equal(user.existed(), false);
    await user.save({ nick: 'Ann' }, as(user));
    const again = await logInWith(provider, authData);
    assert.equal(again.existed(), true);
    assert.deepEqual([again.id, again.get('nick')], [user.id, 'Ann']);
    assert.match(again.getSessionToken(), TOKEN);
    assert.notEqual((await logInWith(provider, newAuthData())).id, user.id);
  });
}

test('a sign-up with authData takes more fields along', async () => {
  const authData = external();
  const user = new Parse.User({ nick: 'Ann' });
  await user.linkWith('myprovider', { authData });
  assert.equal((await Parse.User.me(user.getSessionToken())).get('nick'), 'Ann');
});

test('an anonymous user signs up and stays the same user', async () => {
  const authData = anonymous();
  const user = await logInWith('anonymous', authData);
  const [username, id] = [newName(), user.id];
  const post = await make(newClass('Post'), { author: user });
  user.setUsername(username);
  user.setPassword('secret');
  await user.signUp(null, as(user));
  assert.equal(user.id, id);
  assert.equal(Parse.AnonymousUtils.isLinked(await Parse.User.me(user.getSessionToken())), false);
  const found = await Parse.User.logIn(username, 'secret');
  assert.deepEqual([found.id, found.get('username')], [id, username]);
  assert.equal((await fresh(post, 'author')).get('author').get('username'), username);
  assert.notEqual((await logInWith('anonymous', authData)).id, id);
});

test('a user links a provider, and logs in with either', async () => {
  const [username, authData] = [newName(), external()];
  const user = await Parse.User.signUp(username, 'secret');
  const token = user.getSessionToken();
  await user.linkWith('myprovider', { authData });
  assert.equal(user.getSessionToken(), token);
  assert.equal((await logInWith('myprovider', authData)).id, user.id);
  assert.equal((await Parse.User.logIn(username, 'secret')).id, user.id);
});

test('linking makes an anonymous user a known one', async () => {
  const [authData, other] = [anonymous(), external()];
  const user = await logInWith('anonymous', authData);
  await user.linkWith('myprovider', { authData: other });
  assert.equal((await logInWith('myprovider', other)).id, user.id);
  assert.notEqual((await logInWith('anonymous', authData)).id, user.id);
});

test('where there is authData the answer has what the services said to it: nothing', async () => {
  const authData = { myprovider: external() };
  const made = await send('POST', 'users', { authData });
  assert.deepEqual(made.authDataResponse, {});
  const again = await send('POST', 'users', { authData }); // which ends the session of before, on this device
  assert.deepEqual(again.authDataResponse, {});
  const more = { authData: { github: external() } };
  assert.deepEqual((await send('PUT', `users/${made.objectId}`, more, again)).authDataResponse, {});
  const user = await send('POST', 'users', { username: newName(), password: 'secret' });
  assert.equal(user.authDataResponse, undefined);
  assert.equal((await send('PUT', `users/${made.objectId}`, { nick: 'x' }, again)).authDataResponse, undefined);
});

test('a user unlinks a provider', async () => {
  const [username, authData] = [newName(), external()];
  const user = await Parse.User.signUp(username, 'secret');
  await user.linkWith('myprovider', { authData });
  await user._unlinkFrom('myprovider');
  const me = await Parse.User.me(user.getSessionToken());
  assert.equal(me._isLinked('myprovider'), false);
  assert.notEqual((await logInWith('myprovider', authData)).id, user.id);
  assert.equal((await Parse.User.logIn(username, 'secret')).id, user.id);
});

test('what one user is linked with no other can link', async () => {
  const authData = external();
  const first = await logInWith('myprovider', authData);
  const user = await signUp();
  const error = await failsWith(Parse.Error.ACCOUNT_ALREADY_LINKED, user.linkWith('myprovider', { authData }));
  assert.equal(error.message, 'this auth is already used');
  assert.equal((await logInWith('myprovider', authData)).id, first.id);
});

test('one of many log-ins with one new id at the same time makes the user', async () => {
  const authData = external();
  const logIn = () => Parse.User.logInWith('myprovider', { authData }, { installationId: randomUUID() });
  const results = await Promise.allSettled(Array.from({ length: 6 }, logIn));
  const { id } = await logIn();
  for (const { status, value, reason } of results) {
    if (status === 'fulfilled') assert.equal(value.id, id);
    else assert.equal(reason.code, Parse.Error.ACCOUNT_ALREADY_LINKED);
  }
});

test('a provider that the gateway does not know is 252', async () => {
  const error = await failsWith(Parse.Error.UNSUPPORTED_SERVICE, logInWith('bogus', external()));
  assert.equal(error.message, 'This authentication method is unsupported.');
  const user = await signUp();
  await failsWith(Parse.Error.UNSUPPORTED_SERVICE, user.linkWith('bogus', { authData: external() }));
});

test('an id that is no text is 162', async () => {
  for (const provider of ['anonymous', 'myprovider']) {
    await failsWith(Parse.Error.INVALID_VALUE, send('POST', 'users', { authData: { [provider]: { id: 123 } } }));
  }
});

test('authData is for its owner and the master', async () => {
  const user = await logInWith('myprovider', external());
  const other = await signUp();
  const shown = async options => (await find(user.id, options)).has('authData');
  assert.deepEqual([await shown({}), await shown(as(other)), await shown(as(user)), await shown(master)], [false, false, true, true]);
});
