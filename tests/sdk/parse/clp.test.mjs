// Class-level permissions, as the schema API sets them. Recorded from Parse Server; see also the guide, "Security"

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith, sorted } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { Parse, make, reference, send } from './sdk.mjs';

const master = { useMasterKey: true };
const EVERYBODY = { '*': true };
const OPEN = {
  find: EVERYBODY,
  get: EVERYBODY,
  count: EVERYBODY,
  create: EVERYBODY,
  update: EVERYBODY,
  delete: EVERYBODY,
  addField: EVERYBODY,
};

const signUp = () => Parse.User.signUp(newClass('user').toLowerCase(), 'secret');
const as = user => ({ sessionToken: user.getSessionToken() });

/** A new class with an owner, a team and a secret, and these permissions; what is not said is everybody's. */
async function guarded(permissions) {
  const name = newClass('Guarded');
  await new Parse.Schema(name)
    .addNumber('n')
    .addString('secret')
    .addPointer('owner', '_User')
    .addArray('team')
    .setCLP({ ...OPEN, ...permissions })
    .save();
  return name;
}

/** What the class itself does not let anybody make. */
const put = (name, attributes) => new Parse.Object(name, attributes).save(null, master);
const numbers = async query => sorted(await query, 'n');
const denied = (action, name) => `Permission denied for action ${action} on class ${name}.`;

/** Fails with this number and, where one is given, in these words. */
async function refuses(code, promise, text) {
  const error = await failsWith(code, promise);
  if (text) assert.equal(error.message, text);
}

test('what a class refuses is refused, and the master is not asked', async () => {
  const name = await guarded({ find: {}, get: {}, count: {}, create: {}, update: {}, delete: {} });
  const object = await put(name, { n: 1 });
  const known = reference(name, object.id);
  await refuses(119, new Parse.Query(name).find(), denied('find', name));
  await refuses(119, new Parse.Query(name).get(object.id), denied('get', name));
  await refuses(119, new Parse.Query(name).count(), denied('count', name));
  await refuses(119, send('GET', `classes/${name}/${object.id}`), denied('get', name));
  await refuses(119, make(name, { n: 1 }), denied('create', name));
  await refuses(119, known.save({ n: 2 }), denied('update', name));
  await refuses(119, known.destroy(), denied('delete', name));
  assert.deepEqual(await numbers(new Parse.Query(name).find(master)), [1]);
  await known.destroy(master);
});

test('users and roles by name', async () => {
  const [ann, bea, cid] = [await signUp(), await signUp(), await signUp()];
  const role = new Parse.Role(newClass('role'), new Parse.ACL());
  role.getUsers().add(bea);
  await role.save(null, master);
  const name = await guarded({ find: { [ann.id]: true, [`role:${role.getName()}`]: true } });
  await put(name, { n: 1 });
  assert.deepEqual(await numbers(new Parse.Query(name).find(as(ann))), [1]);
  assert.deepEqual(await numbers(new Parse.Query(name).find(as(bea))), [1]);
  await refuses(119, new Parse.Query(name).find(as(cid)), denied('find', name));
  await refuses(119, new Parse.Query(name).find(), denied('find', name));
});

test('only who is logged in', async () => {
  const user = await signUp();
  const name = await guarded({ find: { requiresAuthentication: true }, create: { requiresAuthentication: true } });
  const refused = 'Permission denied, user needs to be authenticated.';
  await refuses(101, new Parse.Query(name).find(), refused);
  await refuses(101, make(name, { n: 1 }), refused);
  await new Parse.Object(name, { n: 1 }).save(null, as(user));
  assert.deepEqual(await numbers(new Parse.Query(name).find(as(user))), [1]);
});

test('only whom an object names', async () => {
  const [ann, bea] = [await signUp(), await signUp()];
  const mine = { pointerFields: ['owner', 'team'] };
  const name = await guarded({ find: mine, get: mine, count: mine, update: { pointerFields: ['owner'] }, delete: mine });
  await put(name, { n: 0 });
  const first = await put(name, { n: 1, owner: ann });
  const second = await put(name, { n: 2, owner: bea, team: [ann] });
  const query = () => new Parse.Query(name);
  assert.deepEqual(await numbers(query().find(as(ann))), [1, 2]);
  assert.deepEqual(await numbers(query().find(as(bea))), [2]);
  assert.deepEqual(await query().find(), []);
  assert.equal(await query().count(as(ann)), 2);
  await refuses(101, query().get(first.id, as(bea)));
  assert.equal((await query().get(second.id, as(ann))).get('n'), 2);
  await refuses(101, reference(name, second.id).save({ n: 3 }, as(ann)));
  await refuses(101, reference(name, second.id).save({ owner: ann }, as(ann)));
  await reference(name, second.id).save({ n: 3 }, as(bea));
  await refuses(101, reference(name, first.id).destroy(as(bea)));
  await reference(name, first.id).destroy(as(ann));
  assert.deepEqual(await numbers(query().find(master)), [0, 3]);
});

test('the older form: fields of all reading, and of all writing', async () => {
  const [ann, bea] = [await signUp(), await signUp()];
  const none = { find: {}, get: {}, count: {}, update: {}, delete: {} };
  const name = await guarded({ ...none, readUserFields: ['owner', 'team'], writeUserFields: ['owner'] });
  const object = await put(name, { n: 1, owner: ann, team: [bea] });
  for (const user of [ann, bea]) assert.deepEqual(await numbers(new Parse.Query(name).find(as(user))), [1]);
  await refuses(101, reference(name, object.id).save({ n: 2 }, as(bea)));
  await reference(name, object.id).save({ n: 2 }, as(ann));
  const told = (await new Parse.Schema(name).get()).classLevelPermissions;
  assert.deepEqual([told.readUserFields, told.writeUserFields], [['owner', 'team'], ['owner']]);
});

test('fields that a client may add', async () => {
  const name = await guarded({ addField: {} });
  const object = await make(name, { n: 1 });
  await refuses(119, make(name, { fresh: 1 }), denied('addField', name));
  await refuses(119, object.save({ fresh: 1 }), denied('addField', name));
  await reference(name, object.id).save({ fresh: 1 }, master);
  await reference(name, object.id).save({ fresh: 2 });
});

test('protected fields: what is in all groups of the caller is hidden', async () => {
  const [ann, bea, cid] = [await signUp(), await signUp(), await signUp()];
  const role = new Parse.Role(newClass('role'), new Parse.ACL());
  role.getUsers().add(bea);
  await role.save(null, master);
  const protectedFields = { '*': ['secret', 'team'], authenticated: ['secret'], [`role:${role.getName()}`]: [], 'userField:owner': [] };
  const name = await guarded({ protectedFields });
  const object = await put(name, { n: 1, secret: 's', owner: ann, team: [] });
  const visible = async options => {
    const found = await new Parse.Query(name).get(object.id, options);
    return ['secret', 'team'].filter(field => field in found.attributes);
  };
  assert.deepEqual(await visible({}), []);
  assert.deepEqual(await visible(as(cid)), ['team']);
  assert.deepEqual(await visible(as(bea)), ['secret', 'team']);
  assert.deepEqual(await visible(as(ann)), ['secret', 'team']);
  assert.deepEqual(await visible(master), ['secret', 'team']);
  const told = (await new Parse.Schema(name).get()).classLevelPermissions;
  assert.deepEqual(told.protectedFields, protectedFields);
});

test('a protected field is not asked for, not sorted by, and can be written', async () => {
  const name = await guarded({ protectedFields: { '*': ['secret'] } });
  const object = await make(name, { n: 1, secret: 's' });
  const query = () => new Parse.Query(name);
  const refused = `This user is not allowed to query secret on class ${name}`;
  await refuses(119, query().equalTo('secret', 's').find(), refused);
  await refuses(119, query().startsWith('secret', 's').count(), refused);
  await refuses(119, Parse.Query.or(query().exists('secret'), query().equalTo('n', 5)).find(), refused);
  await refuses(119, query().ascending('secret').find(), `This user is not allowed to sort by secret on class ${name}`);
  const notes = newClass('Note');
  await make(notes, { to: object });
  await refuses(119, new Parse.Query(notes).matchesQuery('to', query().equalTo('secret', 's')).find(), refused);
  await refuses(119, new Parse.Query(notes).matchesKeyInQuery('n', 'secret', query()).find(), refused);
  const selected = await query().select('secret').first();
  assert.deepEqual([selected.id, selected.get('secret'), selected.get('n')], [object.id, undefined, undefined]);
  await reference(name, object.id).save({ secret: 't' });
  assert.equal((await query().get(object.id, master)).get('secret'), 't');
});

test('includes, subqueries and batches ask the class as well', async () => {
  const name = await guarded({ find: {}, get: {} });
  const object = await put(name, { n: 1 });
  const notes = newClass('Note');
  await make(notes, { to: object });
  await refuses(119, new Parse.Query(notes).include('to').find(), denied('get', name));
  await refuses(119, new Parse.Query(notes).matchesQuery('to', new Parse.Query(name)).find(), denied('find', name));
  const requests = [{ method: 'GET', path: `/parse/classes/${name}` }, { method: 'GET', path: `/parse/classes/${notes}` }];
  const [first, second] = await send('POST', 'batch', { requests });
  assert.deepEqual(first.error, { code: 119, error: denied('find', name) });
  assert.equal(second.success.results.length, 1);
});

test('a default list of access', async () => {
  const user = await signUp();
  const everybody = { '*': { read: true } };
  const name = await guarded({ ACL: { ...everybody, currentUser: { read: true, write: true } } });
  const own = await new Parse.Object(name, { n: 1 }).save(null, as(user));
  assert.deepEqual(own.getACL().toJSON(), { ...everybody, [user.id]: { read: true, write: true } });
  await refuses(101, reference(name, own.id).save({ n: 2 }));
  const anonymous = await make(name, { n: 1 });
  assert.deepEqual(anonymous.getACL().toJSON(), everybody);
});

test('permissions are replaced as a whole', async () => {
  const name = await guarded({});
  await new Parse.Schema(name).setCLP({ find: EVERYBODY }).update();
  const { classLevelPermissions } = await new Parse.Schema(name).get();
  const nobody = { get: {}, count: {}, create: {}, update: {}, delete: {}, addField: {} };
  assert.deepEqual(classLevelPermissions, { find: EVERYBODY, ...nobody, protectedFields: {} });
  assert.deepEqual(await new Parse.Query(name).find(), []);
  await refuses(119, make(name, { n: 1 }));
});

test("the SDK's own words for permissions", async () => {
  const user = await signUp();
  const clp = new Parse.CLP({ find: EVERYBODY });
  clp.setGetRequiresAuthentication(true);
  clp.setCreateAccess(user, true);
  clp.setRoleUpdateAccess('Mods', true);
  clp.setProtectedFields('*', ['secret']);
  clp.setReadUserFields(['owner']);
  const name = newClass('Guarded');
  const schema = new Parse.Schema(name).addString('secret').addPointer('owner', '_User');
  const made = await schema.setCLP(clp).save();
  const told = made.classLevelPermissions;
  assert.deepEqual(told.get, { requiresAuthentication: true });
  assert.deepEqual(told.create, { [user.id]: true });
  assert.deepEqual(told.update, { 'role:Mods': true });
  assert.deepEqual(told.protectedFields, { '*': ['secret'] });
  assert.deepEqual(told.readUserFields, ['owner']);
});

test('users are signed up, changed and deleted by the permissions of their class', async () => {
  const before = (await new Parse.Schema('_User').get()).classLevelPermissions;
  const user = await signUp();
  const set = permissions => send('PUT', 'schemas/_User', { classLevelPermissions: { ...OPEN, ...permissions } }, master);
  try {
    await set({ create: {}, update: {}, delete: {}, addField: {} });
    await refuses(119, signUp(), denied('create', '_User'));
    await refuses(119, user.save({ nick: 'x' }, as(user)), denied('update', '_User'));
    await refuses(119, reference('_User', user.id).destroy(as(user)), denied('delete', '_User'));
    await set({ addField: {} });
    const column = newClass('column');
    await refuses(119, reference('_User', user.id).save({ [column]: 1 }, as(user)), denied('addField', '_User'));
    await signUp();
  } finally {
    await send('PUT', 'schemas/_User', { classLevelPermissions: before }, master);
  }
  await user.destroy(as(user));
});

test('what is no permission is refused', async () => {
  const set = classLevelPermissions => send('POST', `schemas/${newClass('Bad')}`, { classLevelPermissions }, master);
  await refuses(107, set({ bogus: {} }), 'bogus is not a valid operation for class level permissions');
  await refuses(107, set({ find: { '*': false } }), "'false' is not a valid value for class level permissions acl find:*");
  await refuses(107, set({ protectedFields: { '*': ['nope'] } }), "Field 'nope' in protectedFields:* does not exist");
  await refuses(107, set({ find: { pointerFields: ['nope'] } }));
  await refuses(107, set({ find: [] }));
});
