// Users of the Backendless SDK: registering, logging in and out, guests, being disabled, asking by code of the app's own.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { another, asServerCode, Backendless, fails, loggedIn, newEmail, newTable, send } from './sdk.mjs';

const PASSWORD = 'secret';

const register = (properties = {}, sdk = another()) =>
  sdk.UserService.register({ email: newEmail(), password: PASSWORD, ...properties });

test('who registers is a user, and not logged in', async () => {
  const sdk = another();
  const email = newEmail();
  const user = await register({ email, name: 'Ann', age: 7 }, sdk);
  assert.equal(user.email, email);
  assert.equal(user.name, 'Ann');
  assert.equal(user.age, 7);
  assert.equal(user.userStatus, 'ENABLED');
  assert.equal(user.socialAccount, 'BACKENDLESS');
  assert.equal(user.ownerId, user.objectId);
  assert.equal(user.___class, 'Users');
  assert.equal(user['user-token'], undefined);
  assert.ok(!('password' in user));
  assert.equal(await sdk.UserService.isValidLogin(), false);
});

test('registering nothing, without an identity, a password or a sound address fails, each in its own way', async () => {
  await fails(send('post', '/users/register', {}), 3011);
  await fails(send('post', '/users/register', { email: newEmail() }), 3011);
  await fails(send('post', '/users/register', { password: PASSWORD }), 3013);
  await fails(register({ email: 'nowhere' }), 3040);
});

test('an identity that is taken is refused', async () => {
  const { email } = await register();
  await fails(register({ email }), 3033);
  await fails(register({ email: email.toUpperCase() }), 3033);
});

test('logging in answers the user and a token, which is good from then on', async () => {
  const { sdk, user } = await loggedIn({ name: 'Bob' });
  assert.ok(user['user-token']);
  assert.equal(user.name, 'Bob');
  assert.ok(user.lastLogin > 1_500_000_000_000);
  assert.ok(!('password' in user));
  assert.equal(await sdk.UserService.isValidLogin(), true);
  assert.equal((await sdk.UserService.getCurrentUser()).objectId, user.objectId);
});

test('a wrong identity and a wrong password are one and the same error', async () => {
  const { email } = await register();
  await fails(another().UserService.login(email, 'wrong'), 3003, 'Invalid login or password');
  await fails(another().UserService.login(newEmail(), PASSWORD), 3003, 'Invalid login or password');
  await fails(send('post', '/users/login', { login: { $ne: 1 }, password: PASSWORD }), 3003);
  await fails(send('post', '/users/login', { login: email, password: { $ne: 1 } }), 3003);
});

test('who logs out has no session, and a token that nobody has is told as such', async () => {
  const { sdk, user } = await loggedIn();
  const token = user['user-token'];
  await sdk.UserService.logout();
  assert.equal(await send('get', `/users/isvalidusertoken/${token}`), false);
  const late = another();
  late.setCurrentUserToken?.(token);
  const answer = await fetch(`${Backendless.serverURL}/${Backendless.applicationId}/${Backendless.apiKey}/data/Users`, {
    headers: { 'user-token': token },
  });
  const error = await answer.json();
  assert.equal(error.code, 3064);
  assert.ok(!error.message.includes(token));
});

test('the code of an app logs in by an id, and nobody else does', async () => {
  const user = await register();
  const asCode = asServerCode();
  const same = await asCode.UserService.login(user.objectId);
  assert.ok(same['user-token']);
  await fails(another().UserService.login(user.objectId), 2014);
});

test('a guest has a token, and owns what it makes', async () => {
  const sdk = another();
  const guest = await sdk.UserService.loginAsGuest();
  assert.equal(guest.userStatus, 'GUEST');
  assert.ok(guest['user-token']);
  const saved = await sdk.Data.of(newTable()).save({ name: 'mine' });
  assert.equal(saved.ownerId, guest.objectId);
  assert.deepEqual(await sdk.UserService.getUserRoles(), ['AuthenticatedUser', 'GuestUser']);
});

test('a guest becomes a user by registering with its own id, by its own session alone', async () => {
  const sdk = another();
  const guest = await sdk.UserService.loginAsGuest();
  const email = newEmail();
  await fails(register({ objectId: guest.objectId, email }), 3029);
  const user = await sdk.UserService.register({ objectId: guest.objectId, email, password: PASSWORD });
  assert.equal(user.objectId, guest.objectId);
  assert.equal(user.userStatus, 'ENABLED');
  assert.equal((await another().UserService.login(email, PASSWORD)).objectId, guest.objectId);
  await fails(sdk.UserService.register({ objectId: guest.objectId, email: newEmail(), password: PASSWORD }), 3020);
});

test('a user changes itself, sending back what it has found', async () => {
  const { sdk, user } = await loggedIn();
  user.name = 'Zoe';
  const changed = await sdk.UserService.update(user);
  assert.equal(changed.name, 'Zoe');
  assert.ok(changed.updated);
  assert.equal((await sdk.UserService.getCurrentUser(true)).name, 'Zoe');
});

test('who has a new address logs in by it, and no longer by the old one', async () => {
  const { sdk, user, email } = await loggedIn();
  const later = newEmail();
  await sdk.UserService.update({ objectId: user.objectId, email: later });
  await another().UserService.login(later, PASSWORD);
  await fails(another().UserService.login(email, PASSWORD), 3003);
});

test('a user does not change another one, unless it is the code of the app', async () => {
  const other = await register();
  const { sdk } = await loggedIn();
  await fails(sdk.UserService.update({ objectId: other.objectId, name: 'Mallory' }), 3029);
  await fails(sdk.Data.of('Users').save({ objectId: other.objectId, name: 'Mallory' }), 3029);
  await fails(sdk.Data.of('Users').remove(other.objectId), 3029);
  assert.equal((await asServerCode().UserService.update({ objectId: other.objectId, name: 'Ops' })).name, 'Ops');
});

test('a new password ends all sessions, and the answer has the token of another one', async () => {
  const { sdk, user, email } = await loggedIn();
  const changed = await sdk.UserService.update({ objectId: user.objectId, password: 'another' });
  assert.equal(await send('get', `/users/isvalidusertoken/${user['user-token']}`), false);
  assert.equal(await send('get', `/users/isvalidusertoken/${changed['user-token']}`), true);
  await fails(another().UserService.login(email, PASSWORD), 3003);
  await another().UserService.login(email, 'another');
});

test('whoever is disabled has no session and gets none, until enabled again', async () => {
  const { user, email } = await loggedIn();
  const asCode = asServerCode();
  await fails(another().UserService.disableUser(user.objectId), 3054, 'Operation allowed only for BL logic.');
  await asCode.UserService.disableUser(user.objectId);
  assert.equal(await send('get', `/users/isvalidusertoken/${user['user-token']}`), false);
  await fails(another().UserService.login(email, PASSWORD), 3090);
  await fails(another().UserService.login(email, 'wrong'), 3003);
  await fails(asCode.UserService.login(user.objectId), 3090);
  assert.equal((await Backendless.Data.of('Users').findById(user.objectId)).userStatus, 'DISABLED');
  await asCode.UserService.enableUser(user.objectId);
  assert.ok((await another().UserService.login(email, PASSWORD))['user-token']);
});

test('the code of an app asks whether a password is right', async () => {
  const { sdk, email } = await loggedIn();
  await fails(sdk.UserService.verifyPassword(PASSWORD), 3122, 'Password verification allowed only from CloudCode');
  const asCode = asServerCode();
  await asCode.UserService.login(email, PASSWORD);
  assert.equal(await asCode.UserService.verifyPassword(PASSWORD), true);
  assert.equal(await asCode.UserService.verifyPassword('wrong'), false);
});

test('links need a mail server', async () => {
  const { email } = await register();
  await fails(another().UserService.restorePassword(email), 5050);
  await fails(another().UserService.resendEmailConfirmation(email), 5050);
  await fails(asServerCode().UserService.createEmailConfirmationURL(email), 5050);
  await fails(another().UserService.createEmailConfirmationURL(email), 2011);
});

test('users are found as other objects are, with all columns and without passwords', async () => {
  const { email, objectId } = await register({ name: 'Found' });
  const [found] = await Backendless.Data.of('Users').find(
    Backendless.DataQueryBuilder.create().setWhereClause(`objectId = '${objectId}'`)
  );
  assert.equal(found.name, 'Found');
  assert.equal(found.userStatus, 'ENABLED');
  assert.ok('blUserLocale' in found && 'lastLogin' in found);
  assert.ok(!('password' in found));
  assert.ok(!JSON.stringify(found).includes(email), 'the address of another user is its own affair');
  await fails(
    Backendless.Data.of('Users').find(Backendless.DataQueryBuilder.create().setWhereClause(`password = '${PASSWORD}'`)),
    1054
  );
});

test('the class of users has properties', async () => {
  await register();
  const names = (await Backendless.UserService.describeUserClass()).map(column => column.name);
  for (const name of ['email', 'created', 'updated', 'objectId', 'ownerId', 'name']) {
    assert.ok(names.includes(name), name);
  }
});

test('a service that nobody vouches for is refused, and so are its pages', async () => {
  await fails(another().UserService.loginWithOauth2('github', 'token', null, {}), 3035);
  await fails(another().UserService.getAuthorizationUrlLink('github', null, null, false), 8006);
});
