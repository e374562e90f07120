// Who sees and changes an object. LeanCloud and its SDKs on the wire; REST guide, "Roles and ACL".

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { failsWith, sorted } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { AV, make, master, reference, send } from './sdk.mjs';

// LeanCloud: 403 "Forbidden writing by object's ACL.", once 1; 1 is also what an object that is not there answers
const REFUSED = [403, 1];

let ann;
let bea;
let role;

before(async () => {
  const signUp = () => AV.User.signUp(newClass('user').toLowerCase(), 'secret');
  ann = await signUp();
  bea = await signUp();
  await AV.User.logOut(); // each call says by `{ user }` who makes it
  const acl = new AV.ACL();
  acl.setPublicReadAccess(true);
  role = new AV.Role(newClass('editors'), acl);
  role.getUsers().add(bea);
  await role.save();
});

/** Those who are not Ann: what is hers they neither see nor change. */
const others = () => ({ nobody: {}, 'another user': { user: bea } });

const READ = { read: true };
const BOTH = { read: true, write: true };
const withACL = (acl, attributes = { name: 'secret', n: 1 }, className = newClass('Thing')) =>
  new AV.Object(className, attributes).setACL(new AV.ACL(acl)).save(null, master);
const ofAnn = (attributes, className) => withACL({ [ann.id]: BOTH }, attributes, className);

const canRead = (object, authOptions) =>
  send('GET', `/classes/${object.className}/${object.id}`, { authOptions })
    .then(found => found.objectId === object.id, error => (assert.equal(error.code, 403), false));
const canWrite = (object, authOptions) =>
  reference(object.className, object.id).save({ note: 'x' }, authOptions)
    .then(() => true, error => (assert.ok(REFUSED.includes(error.code), error), false));

const TABLE = {
  'the public reads and writes': [() => ({ '*': BOTH }), 'nobody bea ann', 'nobody bea ann'],
  'the public reads': [() => ({ '*': READ }), 'nobody bea ann', ''],
  'the public writes': [() => ({ '*': { write: true } }), '', 'nobody bea ann'],
  'a user reads and writes': [() => ({ [ann.id]: BOTH }), 'ann', 'ann'],
  'a user reads': [() => ({ [ann.id]: READ }), 'ann', ''],
  'the public reads and a user writes': [() => ({ '*': READ, [ann.id]: { write: true } }), 'nobody bea ann', 'ann'],
  'a role reads and writes': [() => ({ [`role:${role.getName()}`]: BOTH }), 'bea', 'bea'],
  'a role writes what the public reads': [() => ({ '*': READ, [`role:${role.getName()}`]: { write: true } }), 'nobody bea ann', 'bea'],
  'nobody, where the ACL is empty': [() => ({}), '', ''],
  'nobody, where a role is not there': [() => ({ 'role:nosuchrole': BOTH }), '', ''],
};

for (const [title, [acl, readers, writers]] of Object.entries(TABLE)) {
  test(`an ACL: ${title}`, async () => {
    const callers = { nobody: {}, bea: { user: bea }, ann: { user: ann } };
    const able = async check => {
      const object = await withACL(acl());
      const found = [];
      for (const [name, options] of Object.entries(callers)) if (await check(object, options)) found.push(name);
      assert.ok(await check(object, master), 'the master');
      return found.join(' ');
    };
    assert.equal(await able(canRead), readers);
    assert.equal(await able(canWrite), writers);
  });
}

test('an ACL comes back where it is asked for', async () => {
  const acl = new AV.ACL(ann);
  acl.setPublicReadAccess(true);
  acl.setRoleWriteAccess(role, true);
  const { className, id } = await new AV.Object(newClass('Thing'), { n: 1 }).setACL(acl).save(null, { user: ann });
  assert.equal((await new AV.Query(className).get(id)).getACL(), undefined);
  const found = (await new AV.Query(className).includeACL(true).find())[0].getACL();
  assert.deepEqual(found.toJSON(), { '*': READ, [ann.id]: BOTH, [`role:${role.getName()}`]: { write: true } });
  assert.deepEqual([found.getWriteAccess(ann), found.getWriteAccess(bea)], [true, false]);
});

test('what is hidden is in no result', async () => {
  const { className, id } = await ofAnn();
  const shown = await withACL({ '*': READ }, { name: 'shown', n: 2 }, className);
  const query = () => new AV.Query(className);
  for (const [caller, options] of Object.entries(others())) {
    assert.deepEqual(sorted(await query().find(options)), ['shown'], caller);
    assert.equal(await query().count(options), 1, caller);
    assert.equal((await query().limit(1).findAndCount(options))[1], 1, caller);
    assert.deepEqual(await query().equalTo('name', 'secret').find(options), [], caller);
    assert.deepEqual(sorted(await query().ascending('n').limit(1).find(options)), ['shown'], caller);
    assert.equal((await AV.Query.or(query().equalTo('n', 1), query().equalTo('n', 2)).first(options)).id, shown.id, caller);
    await failsWith([101, 403], query().get(id, options));
  }
  assert.deepEqual(sorted(await query().find({ user: ann })), ['secret', 'shown']);
  assert.equal(await query().count(master), 2);
});

test('what is hidden is not included', async () => {
  const city = await ofAnn({ name: 'hidden city' });
  const person = await make(newClass('Person'), { name: 'p', city });
  const post = await make(newClass('Post'), { person, cities: [city] });
  const found = options => new AV.Query(post.className).include('person.city', 'cities').get(post.id, options);
  for (const [caller, options] of Object.entries(others())) {
    assert.doesNotMatch(JSON.stringify((await found(options)).toFullJSON()), /hidden city/, caller);
  }
  assert.equal((await found({ user: ann })).get('person').get('city').get('name'), 'hidden city');
});

test('a query within a query sees what its caller sees', async () => {
  const team = await ofAnn({ name: 'red', city: 'Rome' });
  const player = await make(newClass('Player'), { name: 'p', team, home: 'Rome' });
  const teams = new AV.Query(team.className).equalTo('name', 'red');
  const players = () => new AV.Query(player.className);
  const count = async options => [
    await players().matchesQuery('team', teams).count(options),
    await players().doesNotMatchQuery('team', teams).count(options),
    await players().matchesKeyInQuery('home', 'city', teams).count(options),
    await players().doesNotMatchKeyInQuery('home', 'city', teams).count(options),
  ];
  for (const [caller, options] of Object.entries(others())) assert.deepEqual(await count(options), [0, 1, 0, 1], caller);
  assert.deepEqual(await count({ user: ann }), [1, 0, 1, 0]);
});

test('a hidden member of a relation is not found through it', async () => {
  const member = await ofAnn();
  const shown = await make(member.className, { name: 'shown' });
  const owner = new AV.Object(newClass('Owner'));
  owner.relation('members').add([member, shown]);
  await owner.save();
  for (const [caller, options] of Object.entries(others())) {
    assert.deepEqual(sorted(await owner.relation('members').query().find(options)), ['shown'], caller);
    assert.equal(await owner.relation('members').query().count(options), 1, caller);
  }
  assert.equal(await owner.relation('members').query().count({ user: ann }), 2);
});

test('what is hidden is not changed, whatever the change', async () => {
  const object = await ofAnn({ name: 'secret', n: 1, tags: ['a'] });
  const path = `/classes/${object.className}/${object.id}`;
  const changes = [
    { n: 2 },
    { n: { __op: 'Increment', amount: 1 } },
    { n: { __op: 'BitOr', value: 6 } },
    { tags: { __op: 'Add', objects: ['b'] } },
    { n: { __op: 'Delete' } },
    { ACL: { '*': BOTH } },
  ];
  for (const authOptions of Object.values(others())) {
    for (const data of changes) {
      await failsWith(REFUSED, send('PUT', path, { data, authOptions }));
      await failsWith(REFUSED, send('PUT', path, { data, authOptions, query: { new: true } }));
    }
  }
  const found = await send('GET', path, { query: { returnACL: true }, authOptions: { user: ann } });
  assert.deepEqual([found.n, found.tags, found.ACL], [1, ['a'], { [ann.id]: BOTH }]);
});

test('a conditional update tells nothing of what is hidden', async () => {
  const object = await ofAnn();
  const save = (n, options) => {
    const query = new AV.Query(object.className).equalTo('n', n);
    return reference(object.className, object.id).save({ note: 'x' }, { ...options, query });
  };
  for (const options of Object.values(others())) {
    const [right, wrong] = [await failsWith([1, 305, 403], save(1, options)), await failsWith([1, 305, 403], save(2, options))];
    assert.equal(right.code, wrong.code);
  }
  await save(1, { user: ann });
});

test('what may not be written is not deleted', async () => {
  const object = await withACL({ '*': READ });
  for (const options of Object.values(others())) {
    await failsWith(REFUSED, reference(object.className, object.id).destroy(options));
    await assert.rejects(AV.Object.destroyAll([reference(object.className, object.id)], options));
  }
  assert.equal(await new AV.Query(object.className).count(), 1);
});

test('a batch changes nothing that its caller could not change alone', async () => {
  const object = await ofAnn();
  const path = `/1.1/classes/${object.className}/${object.id}`;
  const requests = [
    { method: 'PUT', path, body: { n: 2 } },
    { method: 'GET', path },
    { method: 'DELETE', path, body: {} },
    { method: 'POST', path: `/1.1/classes/${object.className}`, body: { name: 'mine' } },
  ];
  for (const authOptions of Object.values(others())) {
    const [updated, got, , created] = await send('POST', '/batch', { data: { requests }, authOptions });
    assert.ok(REFUSED.includes(updated.error?.code), JSON.stringify(updated));
    assert.equal(got.success?.name, undefined);
    assert.ok(created.success.objectId);
  }
  const found = await new AV.Query(object.className).get(object.id, { user: ann });
  assert.equal(found.get('n'), 1);
});

test('what is hidden is not deleted together with what is not', async () => {
  const mine = await withACL({ [bea.id]: BOTH });
  const hers = await ofAnn({ name: 'secret' }, mine.className);
  const path = `/classes/${mine.className}/${mine.id},${hers.id}`;
  await send('DELETE', path, { authOptions: { user: bea } }).catch(error => assert.ok(REFUSED.includes(error.code), error));
  assert.equal(await new AV.Query(mine.className).equalTo('objectId', hers.id).count(master), 1);
});

test('who may write gives access, and takes it away', async () => {
  const object = await ofAnn();
  const acl = new AV.ACL(ann);
  acl.setReadAccess(bea, true);
  await reference(object.className, object.id).setACL(acl).save(null, { user: ann });
  assert.deepEqual([await canRead(object, { user: bea }), await canWrite(object, { user: bea })], [true, false]);
  await reference(object.className, object.id).setACL(new AV.ACL(ann)).save(null, { user: ann });
  assert.equal(await canRead(object, { user: bea }), false);
});

test('a scan is for the master, who sees what is hidden', async () => {
  const object = await ofAnn();
  const iterator = new AV.Query(object.className).scan({}, master);
  assert.equal((await iterator.next()).value.id, object.id);
});
