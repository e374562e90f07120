// Permissions of objects and tables: what is granted and denied holds, whatever way an object is asked for.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { Parse } from '../parse/sdk.mjs';
import { newClass } from '../target.mjs';
import { another, asServerCode, Backendless, fails, loggedIn, newTable, send } from './sdk.mjs';

const code = asServerCode();
const role = newClass('Crew');

let ann, bob;

before(async () => {
  await new Parse.Role(role, new Parse.ACL({ '*': { read: true } })).save(null, { useMasterKey: true });
  [ann, bob] = [await loggedIn(), await loggedIn()];
  await code.UserService.assignRole(bob.email, role);
});

const permit = (sdk, how, object, body, table = object.___class) =>
  send('put', `/data/${table}/permissions/${how}${object.objectId ? `/${object.objectId}` : ''}`, body, sdk);

const byId = (sdk, object) => sdk.Data.of(object.___class).findById(object.objectId);

async function sees(sdk, object) {
  const store = sdk.Data.of(object.___class);
  const found = (await store.find()).some(one => one.objectId === object.objectId);
  const got = await byId(sdk, object).then(() => true, error => error.code !== 1000 && Promise.reject(error));
  const counted = (await store.getObjectCount(Backendless.DataQueryBuilder.create().setWhereClause(`objectId = '${object.objectId}'`))) === 1;
  assert.equal(got, found);
  assert.equal(counted, found);
  return found;
}

const writes = (sdk, object) =>
  sdk.Data.of(object.___class).save({ objectId: object.objectId, note: 'x' }).then(() => true, error => error.code !== 1000 && Promise.reject(error));

const removes = (sdk, object) =>
  sdk.Data.of(object.___class).remove(object.objectId).then(() => true, error => error.code !== 1000 && Promise.reject(error));

test('the SDK grants and denies', async () => {
  const object = await ann.sdk.Data.of(newTable()).save({ n: 1 });
  const { FIND, UPDATE, REMOVE } = ann.sdk.Data.Permissions;
  await FIND.denyForUser(bob.user.objectId, object);
  assert.equal(await sees(bob.sdk, object), false);
  await FIND.grantForUser(bob.user.objectId, object);
  assert.equal(await sees(bob.sdk, object), true);
  await UPDATE.denyForRole(role, object);
  assert.equal(await writes(bob.sdk, object), false);
  await REMOVE.denyForAllUsers(object);
  assert.equal(await removes(bob.sdk, object), false);
  assert.equal(await removes(ann.sdk, object), true);
});

test('what one user is denied all others have, and its owner goes on to', async () => {
  const object = await ann.sdk.Data.of(newTable()).save({ n: 1 });
  await permit(ann.sdk, 'DENY', object, { permission: 'FIND', user: bob.user.objectId });
  assert.deepEqual([await sees(ann.sdk, object), await sees(bob.sdk, object), await sees(another(), object)], [true, false, true]);
  await permit(ann.sdk, 'DENY', object, { permission: 'FIND', user: '*' });
  assert.deepEqual([await sees(ann.sdk, object), await sees(another(), object)], [true, false]);
});

test('a user goes before its roles, and they before everybody', async () => {
  const object = await ann.sdk.Data.of(newTable()).save({ n: 1 });
  await permit(ann.sdk, 'DENY', object, { permission: 'FIND', role });
  assert.equal(await sees(bob.sdk, object), false);
  await permit(ann.sdk, 'GRANT', object, { permission: 'FIND', user: bob.user.objectId });
  assert.equal(await sees(bob.sdk, object), true);
});

test('updating and removing are two things', async () => {
  const object = await ann.sdk.Data.of(newTable()).save({ n: 1 });
  await permit(ann.sdk, 'DENY', object, { permission: 'REMOVE', user: '*' });
  assert.equal(await removes(bob.sdk, object), false);
  assert.equal(await writes(bob.sdk, object), true);
  await permit(ann.sdk, 'DENY', object, { permission: 'UPDATE', role: 'AuthenticatedUser' });
  assert.equal(await writes(bob.sdk, object), false);
  assert.equal(await writes(another(), object), true);
});

test('who is not logged in can be left out', async () => {
  const object = await ann.sdk.Data.of(newTable()).save({ n: 1 });
  await permit(ann.sdk, 'DENY', object, { permission: 'FIND', role: 'NotAuthenticatedUser' });
  assert.deepEqual([await sees(another(), object), await sees(bob.sdk, object)], [false, true]);
});

test('several at once, as Swift asks for them', async () => {
  const object = await ann.sdk.Data.of(newTable()).save({ n: 1 });
  await send('put', `/data/${object.___class}/permissions/${object.objectId}/bulk`, [
    { userId: '*', permission: 'FIND', permissionType: 'DENY' },
    { userId: bob.user.objectId, permission: 'FIND', permissionType: 'GRANT' },
  ], ann.sdk);
  assert.deepEqual([await sees(another(), object), await sees(bob.sdk, object)], [false, true]);
});

test('the owner says who may, and the code of the app', async () => {
  const object = await ann.sdk.Data.of(newTable()).save({ n: 1 });
  await fails(permit(bob.sdk, 'GRANT', object, { permission: 'FIND', user: '*' }), 4000);
  await fails(permit(another(), 'DENY', object, { permission: 'FIND', user: '*' }), 4000);
  await permit(code, 'DENY', object, { permission: 'FIND', user: '*' });
  assert.equal(await sees(bob.sdk, object), false);
});

test('what cannot be meant is refused', async () => {
  const object = await ann.sdk.Data.of(newTable()).save({ n: 1 });
  await fails(permit(ann.sdk, 'GRANT', object, { permission: 'FLY', user: '*' }), 8000);
  await fails(permit(ann.sdk, 'GRANT', object, { permission: 'FIND' }), 8000);
  await fails(permit(ann.sdk, 'GRANT', object, { permission: 'FIND', role: 'Nobody' }), 2005);
  await fails(permit(ann.sdk, 'GRANT', object, { permission: 'FIND', role: 'IOSUser' }), 8006);
  await fails(permit(ann.sdk, 'GRANT', { objectId: 'none', ___class: object.___class }, { permission: 'FIND', user: '*' }), 1000);
  await fails(permit(ann.sdk, 'GRANT', { objectId: 'x', ___class: newTable() }, { permission: 'FIND', user: '*' }), 1009);
  await fails(permit(bob.sdk, 'GRANT', { objectId: bob.user.objectId, ___class: 'Users' }, { permission: 'UPDATE', user: '*' }), 8006);
});

test('Parse clients see no more rights than there are, and take no denial back unawares', async () => {
  const object = await ann.sdk.Data.of(newTable()).save({ n: 1 });
  await permit(ann.sdk, 'DENY', object, { permission: 'FIND', user: bob.user.objectId });
  const master = { useMasterKey: true };
  const same = await new Parse.Query(object.___class).get(object.objectId, master);
  assert.deepEqual(same.getACL().toJSON(), {
    '*': { write: true },
    [ann.user.objectId]: { read: true, write: true },
  });
  await same.setACL(new Parse.ACL({ '*': { read: true, write: true } })).save(null, master);
  assert.deepEqual([await sees(bob.sdk, object), await sees(another(), object)], [false, true]);
});

test('permissions of a table are set by the code of the app alone', async () => {
  const object = await ann.sdk.Data.of(newTable()).save({ n: 1 });
  const table = { ___class: object.___class };
  await fails(permit(ann.sdk, 'DENY', table, { permission: 'FIND', user: '*' }), 4000);
  await permit(code, 'DENY', table, { permission: 'ADD', user: bob.user.objectId });
  await fails(bob.sdk.Data.of(object.___class).save({ n: 2 }), 4000);
  await ann.sdk.Data.of(object.___class).save({ n: 2 });
  await permit(code, 'DENY', table, { permission: 'FIND', role: 'NotAuthenticatedUser' });
  await fails(another().Data.of(object.___class).find(), 3028);
  assert.equal((await bob.sdk.Data.of(object.___class).find()).length, 2);
  await permit(code, 'DENY', table, { permission: 'FIND', role });
  await fails(bob.sdk.Data.of(object.___class).find(), 4000);
  await permit(code, 'GRANT', table, { permission: 'FIND', user: bob.user.objectId });
  assert.equal((await bob.sdk.Data.of(object.___class).find()).length, 2);
  await fails(permit(code, 'DENY', table, { permission: 'DESCRIBE', user: '*' }), 8000);
});
