// The life of a user. LeanCloud and its SDKs on the wire; REST guide, "Users".

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { beforeEach, test } from 'node:test';

import { failsWith } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { AV, make, master, newEmail, newName, reference, send, signUp, userReference, withSettings } from './sdk.mjs';

const MISSING = '5a0000000000000000000000';
const NO_TOKEN = 'a0b1c2d3e4f5a0b1c2d3e4f5a';
// an application whose clients may query users, as LeanCloud's console can allow
const OPEN = { applicationId: process.env.LEANCLOUD_OPEN_APP_ID ?? 'open', applicationKey: process.env.LEANCLOUD_OPEN_APP_KEY ?? 'open-key' };


const me = token => send('GET', '/users/me', { authOptions: { sessionToken: token } });

beforeEach(() => AV.User.logOut());

// signing up

test('a sign-up answers the whole user, and makes it the current one', async () => {
  const [username, email] = [newName(), newEmail()];
  const user = await AV.User.signUp(username, 'secret', { email, gender: 'female', n: 1 });
  assert.match(user.id, /^[0-9A-Za-z]+$/);
  assert.ok(user.getSessionToken().length >= 16);
  assert.ok(Math.abs(Date.now() - user.createdAt) < 60_000);
  assert.deepEqual(user.updatedAt, user.createdAt);
  assert.deepEqual([user.get('emailVerified'), user.get('mobilePhoneVerified')], [false, false]);
  assert.deepEqual([user.getUsername(), user.getEmail(), user.get('gender'), user.get('n')], [username, email, 'female', 1]);
  assert.equal(user.get('password'), undefined);
  assert.equal(AV.User.current().id, user.id);
  assert.equal(await user.isAuthenticated(), true);
});

test('a sign-up on a new object', async () => {
  const user = new AV.User();
  user.setUsername(newName());
  user.setPassword('secret');
  user.set('nick', 'Ann');
  await user.signUp();
  assert.equal((await me(user.getSessionToken())).nick, 'Ann');
});

test('a sign-up answers the same through the class', async () => {
  const username = newName();
  const answer = await send('POST', '/classes/_User', { data: { username, password: 'secret' } });
  assert.equal(answer.username, username);
  assert.equal((await me(answer.sessionToken)).objectId, answer.objectId);
});

test('a username is taken once', async () => {
  const user = await signUp();
  const error = await failsWith(202, AV.User.signUp(user.getUsername(), 'other'));
  assert.match(error.message, /\[400 POST/);
});

test('an email address is taken once', async () => {
  const email = newEmail();
  await signUp({ email });
  await failsWith(203, signUp({ email }));
});

const BAD_SIGN_UPS = {
  'without a username': [{ password: 'secret' }, 200],
  'without a password': [{ username: newName() }, 201],
  'with something that is no address': [{ username: newName(), password: 'secret', email: 'nonsense' }, 125],
};

for (const [title, [data, code]] of Object.entries(BAD_SIGN_UPS)) {
  test(`a sign-up ${title} is ${code}`, () => failsWith(code, send('POST', '/users', { data })));
}

// logging in

test('who knows the password logs in, with username or address', async () => {
  const [username, email] = [newName(), newEmail()];
  const { id } = await signUp({ email, nick: 'Ann' }, username);
  for (const logIn of [() => AV.User.logIn(username, 'secret'), () => AV.User.loginWithEmail(email, 'secret')]) {
    await AV.User.logOut();
    const user = await logIn();
    assert.deepEqual([user.id, user.getUsername(), user.getEmail(), user.get('nick')], [id, username, email, 'Ann']);
    assert.equal(user.get('emailVerified'), false);
    assert.equal(AV.User.current().id, id);
    assert.equal(await user.isAuthenticated(), true);
  }
});

test('all log-ins of a user share one token', async () => {
  const user = await signUp({ email: newEmail() });
  const token = user.getSessionToken();
  assert.equal((await AV.User.logIn(user.getUsername(), 'secret')).getSessionToken(), token);
  assert.equal((await AV.User.loginWithEmail(user.getEmail(), 'secret')).getSessionToken(), token);
  await AV.User.logOut();
  assert.equal((await AV.User.logIn(user.getUsername(), 'secret')).getSessionToken(), token);
});

test('a log-in by GET, as old SDKs do it', async () => {
  const user = await signUp();
  const answer = await send('GET', '/login', { query: { username: user.getUsername(), password: 'secret' } });
  assert.deepEqual([answer.objectId, answer.sessionToken], [user.id, user.getSessionToken()]);
});

test('a wrong password is 210, and so is an unknown user: no answer tells who has an account', async () => {
  const { attributes: { username, email } } = await signUp({ email: newEmail() });
  const failed = await failsWith(210, AV.User.logIn(username, 'wrong'));
  assert.match(failed.message, /^The username and password mismatch\./);
  const messages = [failed];
  for (const logIn of [() => AV.User.loginWithEmail(email, 'wrong'), () => AV.User.logIn(newName(), 'secret'), () => AV.User.loginWithEmail(newEmail(), 'secret')]) {
    messages.push(await failsWith(210, logIn()));
  }
  assert.equal(new Set(messages.map(error => error.message)).size, 1);
  assert.equal(AV.User.current(), null);
});

test('too many wrong passwords lock the account for a while', async () => {
  const username = (await signUp()).getUsername();
  for (let n = 0; n < 7; n += 1) await failsWith([210, 219], AV.User.logIn(username, 'wrong'));
  await failsWith(219, AV.User.logIn(username, 'secret'));
});

test('a password that is no text is wrong', async () => {
  const username = (await signUp()).getUsername();
  for (const password of [{ $ne: 'x' }, 1, ['secret']]) {
    await failsWith([210, 201, 107, 111], send('POST', '/login', { data: { username, password } }));
  }
});

test('no answer has a password in it', async () => {
  const username = newName();
  const { id, _sessionToken: token } = await signUp({ nick: 'Ann' }, username, 'secret-that-nobody-sees');
  const answers = [
    await send('POST', '/login', { data: { username, password: 'secret-that-nobody-sees' } }),
    await me(token),
    await send('GET', `/users/${id}`, { authOptions: { sessionToken: token } }),
    await send('GET', `/classes/_User/${id}`, { authOptions: master }),
    await send('GET', '/users', { query: { where: JSON.stringify({ username }) }, authOptions: master }),
  ];
  assert.doesNotMatch(JSON.stringify(answers), /password|nobody-sees|salt|argon|bcrypt/i);
});

// session tokens

test('become makes the owner of a token the current user', async () => {
  const { id, _sessionToken: token } = await signUp({ nick: 'Ann' });
  const user = await AV.User.become(token);
  assert.deepEqual([user.id, user.get('nick'), user.getSessionToken()], [id, 'Ann', token]);
  assert.equal(AV.User.current().id, id);
});

test('a token that is not there is 211, and its user not authenticated', async () => {
  const error = await failsWith(211, AV.User.become(NO_TOKEN));
  assert.match(error.message, /^Could not find user\./);
  await failsWith(211, me('0'));
  const user = await signUp();
  user._sessionToken = NO_TOKEN;
  assert.equal(await user.isAuthenticated(), false);
});

test('the token may come as a parameter', async () => {
  const user = await signUp();
  assert.equal((await send('GET', '/users/me', { query: { session_token: user.getSessionToken() } })).objectId, user.id);
});

test('a log-out of the SDK leaves the token as it is', async () => {
  const user = await AV.User.signUp(newName(), 'secret');
  await AV.User.logOut();
  assert.equal(AV.User.current(), null);
  assert.equal((await me(user.getSessionToken())).objectId, user.id);
});

test('refreshSessionToken ends the old token', async () => {
  const user = await signUp();
  const before = user.getSessionToken();
  await user.refreshSessionToken({ user });
  assert.notEqual(user.getSessionToken(), before);
  assert.equal((await me(user.getSessionToken())).objectId, user.id);
  await failsWith(211, me(before));
  assert.equal((await AV.User.logIn(user.getUsername(), 'secret')).getSessionToken(), user.getSessionToken());
});

test('the master refreshes a token without one', async () => {
  const user = await signUp();
  const before = user.getSessionToken();
  const answer = await send('PUT', `/users/${user.id}/refreshSessionToken`, { authOptions: master });
  assert.notEqual(answer.sessionToken, before);
  await failsWith(211, me(before));
});

test('nobody else refreshes a token', async () => {
  const [user, other] = [await signUp(), await signUp()];
  for (const authOptions of [{}, { user: other }]) {
    await failsWith(206, send('PUT', `/users/${user.id}/refreshSessionToken`, { authOptions }));
  }
  assert.equal((await me(user.getSessionToken())).objectId, user.id);
});

// changing

test('a user changes itself', async () => {
  const user = await AV.User.signUp(newName(), 'secret', { nick: 'Ann', n: 1 });
  const email = newEmail();
  await user.save({ nick: 'Bea', email });
  await user.increment('n').save(null, { fetchWhenSave: true });
  assert.equal(user.get('n'), 2);
  const found = await me(user.getSessionToken());
  assert.deepEqual([found.nick, found.n, found.email], ['Bea', 2, email]);
  await user.fetch();
  assert.equal(user.get('nick'), 'Bea');
});

test('an update answers when and which, as it does for other objects', async () => {
  const user = await signUp();
  const answer = await send('PUT', `/users/${user.id}`, { data: { phone: '1' }, authOptions: { user } });
  assert.deepEqual(Object.keys(answer).sort(), ['objectId', 'updatedAt']);
});

test('a password that is simply saved ends the old token', async () => {
  const user = await signUp();
  const before = user.getSessionToken();
  await user.save({ password: 'changed' }, { user });
  await failsWith(211, me(before));
  assert.equal((await AV.User.logIn(user.getUsername(), 'changed')).id, user.id);
  await failsWith(210, AV.User.logIn(user.getUsername(), 'secret'));
});

test('what is taken cannot be taken over', async () => {
  const first = await signUp({ email: newEmail() });
  const user = await signUp();
  await failsWith(202, userReference(user.id).save({ username: first.getUsername() }, { user }));
  await failsWith(203, userReference(user.id).save({ email: first.getEmail() }, { user }));
});

test('updatePassword wants the old one, and brings a new token', async () => {
  const user = await signUp();
  const before = user.getSessionToken();
  await failsWith(210, user.updatePassword('wrong', 'changed', { user }));
  assert.equal((await me(before)).objectId, user.id);
  await user.updatePassword('secret', 'changed', { user });
  assert.notEqual(user.getSessionToken(), before);
  await failsWith(211, me(before));
  assert.equal((await me(user.getSessionToken())).objectId, user.id);
  await failsWith(210, AV.User.logIn(user.getUsername(), 'secret'));
  assert.equal((await AV.User.logIn(user.getUsername(), 'changed')).getSessionToken(), user.getSessionToken());
});

test('nobody else updates a password', async () => {
  const [user, other] = [await signUp(), await signUp()];
  for (const authOptions of [{}, { user: other }]) await failsWith(206, user.updatePassword('secret', 'stolen', authOptions));
  assert.equal((await AV.User.logIn(user.getUsername(), 'secret')).id, user.id);
});

test('nobody else changes or deletes a user', async () => {
  const [user, other] = [await signUp({ nick: 'Ann' }), await signUp()];
  for (const authOptions of [{}, { user: other }]) {
    for (const data of [{ nick: 'Eve' }, { password: 'stolen' }, { username: newName() }, { ACL: { '*': { write: true } } }]) {
      await failsWith(206, send('PUT', `/users/${user.id}`, { data, authOptions }));
      await failsWith(206, send('PUT', `/classes/_User/${user.id}`, { data, authOptions }));
    }
    await failsWith(206, userReference(user.id).destroy(authOptions));
    const requests = [
      { method: 'PUT', path: `/1.1/users/${user.id}`, body: { nick: 'Eve' } },
      { method: 'DELETE', path: `/1.1/classes/_User/${user.id}`, body: {} },
    ];
    const answers = await send('POST', '/batch', { data: { requests }, authOptions });
    assert.deepEqual(answers.map(answer => answer.error?.code), [206, 206]);
  }
  assert.equal((await me(user.getSessionToken())).nick, 'Ann');
});

test('the master changes and deletes any user', async () => {
  const user = await signUp({ nick: 'Ann' });
  await userReference(user.id).save({ nick: 'Bea' }, master);
  assert.equal((await me(user.getSessionToken())).nick, 'Bea');
  await userReference(user.id).destroy(master);
  await failsWith(211, me(user.getSessionToken()));
});

test('a user deletes itself, and its token ends', async () => {
  const user = await AV.User.signUp(newName(), 'secret');
  await user.destroy();
  await AV.User.logOut();
  await failsWith(211, me(user.getSessionToken()));
  await failsWith([210, 211], AV.User.logIn(user.getUsername(), 'secret'));
  await failsWith(211, send('GET', `/users/${user.id}`));
  assert.notEqual((await signUp({}, user.getUsername())).id, user.id);
});

// reading and querying

test('a user is read by its id', async () => {
  const user = await signUp({ nick: 'Ann' });
  for (const path of [`/users/${user.id}`, `/classes/_User/${user.id}`]) {
    const found = await send('GET', path);
    assert.deepEqual([found.objectId, found.nick, found.username], [user.id, 'Ann', user.getUsername()]);
    assert.deepEqual(['sessionToken', 'ACL', 'password'].filter(key => key in found), []);
  }
});

test('a user that is not there is 211', async () => {
  await failsWith(211, send('GET', `/users/${MISSING}`));
  await failsWith(211, send('GET', `/classes/_User/${MISSING}`));
});

test('clients query no users, the master does', async () => {
  const team = newName('team');
  const user = await signUp({ team });
  await signUp({ team });
  const query = () => new AV.Query('_User').equalTo('team', team);
  for (const authOptions of [{}, { user }]) {
    await failsWith(403, query().find(authOptions));
    await failsWith(403, query().count(authOptions));
    await failsWith(403, send('GET', '/users', { query: { where: JSON.stringify({ team }) }, authOptions }));
    const requests = [{ method: 'GET', path: '/1.1/classes/_User', params: { where: { team } } }];
    const [answer] = await send('POST', '/batch', { data: { requests }, authOptions });
    assert.equal(answer.error?.code, 403);
  }
  assert.equal((await query().find(master)).length, 2);
  assert.equal(await query().count(master), 2);
});

test('clients query users where the application allows it, and see no addresses of others', async () => {
  const team = newName('team');
  const user = await signUp({ team, email: newEmail() });
  await signUp({ team, email: newEmail() });
  await withSettings(OPEN, async () => {
    const query = () => new AV.Query('_User').equalTo('team', team);
    assert.equal((await query().find()).length, 2);
    const found = await query().find({ user });
    assert.deepEqual(found.filter(each => each.get('email')).map(each => each.id), [user.id]);
  });
});

test('an included user is shown, without its address', async () => {
  const user = await signUp({ nick: 'Ann', email: newEmail() });
  const post = await make(newClass('Post'), { author: userReference(user.id) });
  const author = async options => (await new AV.Query(post.className).include('author').first(options)).get('author');
  const found = await author({});
  assert.deepEqual([found.id, found.get('nick'), found.get('email')], [user.id, 'Ann', undefined]);
  assert.equal((await author({ user })).get('email'), user.getEmail());
});

// authData

const external = () => ({ uid: newName('uid'), access_token: 'token', expires_in: 7200 });
const logInWith = async (platform, authData, options) => {
  await AV.User.logOut();
  return AV.User.loginWithAuthData(authData, platform, options);
};

test('an anonymous user has a name that the server made', async () => {
  const user = await AV.User.loginAnonymously();
  assert.ok(user.isAnonymous());
  assert.match(user.getUsername(), /^[0-9a-z]{25}$/);
  assert.equal(await user.isAuthenticated(), true);
  await AV.User.logOut();
  assert.notEqual((await AV.User.loginAnonymously()).id, user.id);
});

test('an anonymous user signs up and stays the same user', async () => {
  const id = randomUUID();
  const user = await logInWith('anonymous', { id });
  const username = newName();
  await user.signUp({ username, password: 'secret' });
  assert.equal(user.isAnonymous(), false);
  assert.equal((await me(user.getSessionToken())).authData?.anonymous, undefined);
  assert.equal((await AV.User.logIn(username, 'secret')).id, user.id);
  assert.notEqual((await logInWith('anonymous', { id })).id, user.id);
});

test('an anonymous user that links a platform is anonymous no longer', async () => {
  const authData = external();
  const user = await AV.User.loginAnonymously();
  await user.associateWithAuthData(authData, 'github');
  assert.deepEqual(user.get('authData'), { github: authData });
  assert.equal(user.isAnonymous(), false);
  assert.equal((await logInWith('github', authData)).id, user.id);
});

for (const [platform, newAuthData] of Object.entries({ test: external, weixin: () => ({ openid: newName('openid'), access_token: 'token', expires_in: 7200 }) })) {
  test(`${platform}: the first log-in makes the user, the next one finds it`, async () => {
    const authData = newAuthData();
    const user = await logInWith(platform, authData);
    assert.deepEqual(user.get('authData'), { [platform]: authData });
    await user.save({ nick: 'Ann' });
    const again = await logInWith(platform, authData);
    assert.deepEqual([again.id, again.get('nick'), again.getSessionToken()], [user.id, 'Ann', user.getSessionToken()]);
    assert.notEqual((await logInWith(platform, newAuthData())).id, user.id);
  });
}

test('a sign-up with authData takes more fields along', async () => {
  const username = newName();
  const user = new AV.User({ nick: 'Ann' });
  user.setUsername(username);
  await user.loginWithAuthData(external(), 'test');
  const found = await me(user.getSessionToken());
  assert.deepEqual([found.username, found.nick], [username, 'Ann']);
});

test('failOnNotExist makes no user', async () => {
  const authData = external();
  await failsWith(211, logInWith('test', authData, { failOnNotExist: true }));
  const user = await logInWith('test', authData);
  assert.equal((await logInWith('test', authData, { failOnNotExist: true })).id, user.id);
});

test('a user links a platform and unlinks it', async () => {
  const authData = external();
  const user = await AV.User.signUp(newName(), 'secret');
  await user.associateWithAuthData(authData, 'test');
  assert.equal((await logInWith('test', authData)).id, user.id);
  await AV.User.current().dissociateAuthData('test');
  assert.deepEqual((await me(user.getSessionToken())).authData ?? {}, {});
  assert.notEqual((await logInWith('test', authData)).id, user.id);
});

test('two platforms with one union id are one user', async () => {
  const [unionId, first, second] = [newName('union'), external(), external()];
  const user = await AV.User.loginWithAuthDataAndUnionId(first, 'weixin', unionId, { asMainAccount: true });
  assert.deepEqual(user.get('authData')._weixin_unionid, { uid: unionId });
  await AV.User.logOut();
  const again = await AV.User.loginWithAuthDataAndUnionId(second, 'github', unionId, { asMainAccount: false });
  assert.equal(again.id, user.id);
  assert.deepEqual(Object.keys(again.get('authData')).sort(), ['_weixin_unionid', 'github', 'weixin']);
});

test('what one user is linked with no other can link', async () => {
  const authData = external();
  const first = await logInWith('test', authData);
  await AV.User.logOut();
  const user = await AV.User.signUp(newName(), 'secret');
  await failsWith([137, 208, 250], user.associateWithAuthData(authData, 'test'));
  assert.equal((await logInWith('test', authData)).id, first.id);
});

test('a platform that the gateway does not know is 252', () => failsWith(252, logInWith('bogus', external())));

test('authData without an id is refused', async () => {
  for (const authData of [{}, { uid: '' }, { uid: 5 }, { uid: { $ne: 'x' } }]) {
    await failsWith([121, 250, 251, 252, 253], send('POST', '/users', { data: { authData: { test: authData } } }));
  }
});

test('authData is for its owner and the master', async () => {
  const user = await logInWith('test', external());
  await AV.User.logOut();
  const shown = async authOptions => 'authData' in (await send('GET', `/users/${user.id}`, { authOptions }));
  assert.deepEqual([await shown({}), await shown({ user }), await shown(master)], [false, true, true]);
});

test('an object that points to a user is found by it', async () => {
  const user = await signUp({ nick: 'Ann' });
  const object = await make(newClass('Thing'), { owner: reference('_User', user.id) });
  const found = await new AV.Query(object.className).equalTo('owner', userReference(user.id)).first();
  assert.equal(found.id, object.id);
});

// by names, and by ways round

test('clients query no users by a way round, either', async () => {
  const user = await signUp();
  const post = await make(newClass('Post'), { author: userReference(user.id), name: user.getUsername() });
  const users = new AV.Query('_User').equalTo('username', user.getUsername());
  const posts = () => new AV.Query(post.className);
  for (const query of [posts().matchesQuery('author', users), posts().matchesKeyInQuery('name', 'username', users)]) {
    await failsWith(403, query.find());
    assert.equal((await query.find(master)).length, 1);
  }
});

test('a log-in goes by the username where there is an address, too', async () => {
  // the Python SDK relies on it: it sends what the user object has (leancloud/user.py, User.login)
  const user = await signUp();
  const data = { username: user.getUsername(), email: `${newName()}@example.com`, password: 'secret' };
  assert.equal((await send('POST', '/login', { data })).objectId, user.id);
});
