// Roles: they are made by the master of another dialect, as the vendor makes them in its console.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { Parse } from '../parse/sdk.mjs';
import { newClass } from '../target.mjs';
import { another, asServerCode, fails, loggedIn } from './sdk.mjs';

const role = newClass('Mods');
const code = asServerCode();

before(() => {
  const acl = new Parse.ACL({ '*': { read: true } });
  return new Parse.Role(role, acl).save(null, { useMasterKey: true });
});

test('the code of an app puts a user into a role, and takes it out again', async () => {
  const { sdk, email } = await loggedIn();
  assert.deepEqual(await sdk.UserService.getUserRoles(), ['AuthenticatedUser']);
  await code.UserService.assignRole(email, role);
  assert.deepEqual(await sdk.UserService.getUserRoles(), ['AuthenticatedUser', role]);
  await code.UserService.unassignRole(email, role);
  assert.deepEqual(await sdk.UserService.getUserRoles(), ['AuthenticatedUser']);
});

test('nobody else does', async () => {
  const { sdk, email } = await loggedIn();
  await fails(sdk.UserService.assignRole(email, role), 2011);
  await fails(sdk.UserService.unassignRole(email, role), 2011);
});

test('a role that is not there, and one that is nobody\'s to give', async () => {
  const { email } = await loggedIn();
  await fails(code.UserService.assignRole(email, 'Nobody'), 2005);
  await fails(code.UserService.assignRole(email, 'AuthenticatedUser'), 2007);
  await fails(code.UserService.unassignRole(email, 'AuthenticatedUser'), 2008);
  await fails(code.UserService.assignRole('nobody@example.com', role), 3020);
});

test('who is in a role is found, with all roles of each', async () => {
  const { user, email } = await loggedIn({ name: 'Member' });
  await code.UserService.assignRole(email, role);
  const found = await code.UserService.findByRole(role, true);
  const own = found.find(one => one.objectId === user.objectId);
  assert.deepEqual(own.roles, ['AuthenticatedUser', role]);
  assert.equal(own.name, 'Member');
  assert.equal((await code.UserService.findByRole(role)).find(one => one.objectId === user.objectId).roles, undefined);
});

test('the roles of another user are for the code of the app to know', async () => {
  const { user } = await loggedIn();
  const { sdk } = await loggedIn();
  await fails(sdk.UserService.getUserRoles(user.objectId), 4000);
  assert.deepEqual(await code.UserService.getUserRoles(user.objectId), ['AuthenticatedUser']);
  await fails(another().UserService.getUserRoles(), 3028);
});
