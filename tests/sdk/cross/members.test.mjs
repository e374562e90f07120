// One account, three dialects: who registers with one SDK logs in with the others, and a session of one is one of all.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { beforeEach, test } from 'node:test';

import { another, asServerCode, fails, loggedIn, newEmail, newTable, send } from '../backendless/sdk.mjs';
import { failsWith } from '../checks.mjs';
import * as leancloud from '../leancloud/sdk.mjs';
import * as parse from '../parse/sdk.mjs';
import { newClass } from '../target.mjs';

const { AV } = leancloud;
const { Parse } = parse;

const PASSWORD = 'secret';
const parseLogIn = name => Parse.User.logIn(name, PASSWORD, { installationId: randomUUID() });

beforeEach(() => AV.User.logOut());

test('who registers in Backendless logs in by the address in Parse and LeanCloud', async () => {
  const email = newEmail();
  const { objectId } = await another().UserService.register({ email, password: PASSWORD, name: 'Ann' });
  const there = await parseLogIn(email);
  assert.equal(there.id, objectId);
  assert.equal(there.get('name'), 'Ann');
  assert.equal((await AV.User.loginWithEmail(email, PASSWORD)).id, objectId);
});

test('who signs up in Parse or LeanCloud logs in in Backendless, by name or by address', async () => {
  for (const signUp of [
    (name, attributes) => Parse.User.signUp(name, PASSWORD, attributes, { installationId: randomUUID() }),
    (name, attributes) => AV.User.signUp(name, PASSWORD, attributes),
  ]) {
    const [name, email] = [newClass('user').toLowerCase(), newEmail()];
    const { id } = await signUp(name, { email });
    for (const identity of [name, email]) {
      const user = await another().UserService.login(identity, PASSWORD);
      assert.equal(user.objectId, id);
      assert.equal(user.userStatus, 'ENABLED');
      assert.equal(user.___class, 'Users');
    }
  }
});

test('a token is one and the same session', async () => {
  const { sdk, user } = await loggedIn();
  const token = user['user-token'];
  assert.equal((await Parse.User.me(token)).id, user.objectId);
  const ours = await parseLogIn(user.email);
  assert.equal(await send('get', `/users/isvalidusertoken/${ours.getSessionToken()}`), true);
  await sdk.UserService.logout();
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, Parse.User.me(token));
});

test('whoever is disabled in Backendless comes in nowhere', async () => {
  const { user, email } = await loggedIn();
  const ours = await parseLogIn(email);
  await asServerCode().UserService.disableUser(user.objectId);
  await failsWith(Parse.Error.INVALID_SESSION_TOKEN, Parse.User.me(ours.getSessionToken()));
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, parseLogIn(email));
  await failsWith(219, AV.User.loginWithEmail(email, PASSWORD));
});

test('a role that is assigned in Backendless opens what an ACL of Parse gives to it', async () => {
  const role = newClass('Mods');
  await new Parse.Role(role, new Parse.ACL({ '*': { read: true } })).save(null, { useMasterKey: true });
  const { sdk, user, email } = await loggedIn();
  const table = newTable();
  const object = await new Parse.Object(table, { n: 1 })
    .setACL(new Parse.ACL({ [`role:${role}`]: { read: true } }))
    .save(null, { useMasterKey: true });
  await fails(sdk.Data.of(table).findById(object.id), 1000);
  await asServerCode().UserService.assignRole(email, role);
  assert.equal((await sdk.Data.of(table).findById(object.id)).n, 1);
  assert.deepEqual(await sdk.UserService.getUserRoles(), ['AuthenticatedUser', role]);
  const members = await new Parse.Query(Parse.Role).equalTo('name', role).first({ useMasterKey: true });
  assert.deepEqual((await members.getUsers().query().find({ useMasterKey: true })).map(one => one.id), [user.objectId]);
});

test('what Backendless denies is denied in Parse and LeanCloud', async () => {
  const [ann, bob] = [await loggedIn(), await loggedIn()];
  const object = await ann.sdk.Data.of(newTable()).save({ n: 1 });
  await ann.sdk.Data.Permissions.FIND.denyForUser(bob.user.objectId, object);
  const table = object.___class;
  for (const [who, seen] of [[ann, 1], [bob, 0]]) {
    const token = who.user['user-token'];
    assert.equal((await new Parse.Query(table).find({ sessionToken: token })).length, seen);
    assert.equal((await new AV.Query(table).find({ sessionToken: token })).length, seen);
    assert.equal(await new Parse.Query(table).count({ sessionToken: token }), seen);
  }
});
