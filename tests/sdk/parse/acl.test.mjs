// Who sees and changes an object. Parse Server and its SDKs on the wire

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { failsWith, sorted } from '../checks.mjs';
import { newClass, parse as target } from '../target.mjs';
import { as, make, makeAll, master, Parse, reference, send, signUp } from './sdk.mjs';

const mount = new URL(target.serverURL).pathname;
const { OBJECT_NOT_FOUND } = Parse.Error;

let ann;
let bea;
let role;

before(async () => {
  [ann, bea] = await Promise.all([signUp(), signUp()]);
  role = new Parse.Role(newClass('editors'), new Parse.ACL({ '*': { read: true } }));
  role.getUsers().add(bea);
  await role.save();
});

/** Those who are not Ann: what is hers they neither see nor change. */
const others = () => ({ nobody: {}, 'another user': as(bea) });

const withACL = (acl, attributes = { name: 'secret', n: 1 }, className = newClass('Thing')) =>
  new Parse.Object(className, attributes).setACL(new Parse.ACL(acl)).save(null, master);
const ofAnn = (attributes, className) => withACL({ [ann.id]: { read: true, write: true } }, attributes, className);

const canRead = (object, options) =>
  reference(object.className, object.id).fetch(options).then(() => true, error => (assert.equal(error.code, OBJECT_NOT_FOUND), false));
const canWrite = (object, options) =>
  reference(object.className, object.id).save({ note: 'x' }, options).then(() => true, error => (assert.equal(error.code, OBJECT_NOT_FOUND), false));

// what an ACL allows: to nobody, to Bea, to Ann, to the master

const READ = { read: true };
const BOTH = { read: true, write: true };
const TABLE = {
  'the public reads and writes': [() => ({ '*': BOTH }), 'nobody bea ann', 'nobody bea ann'],
  'the public reads': [() => ({ '*': READ }), 'nobody bea ann', ''],
  'the public writes': [() => ({ '*': { write: true } }), '', 'nobody bea ann'],
  'a user reads and writes': [() => ({ [ann.id]: BOTH }), 'ann', 'ann'],
  'a user reads': [() => ({ [ann.id]: READ }), 'ann', ''],
  'a user writes': [() => ({ [ann.id]: { write: true } }), '', 'ann'],
  'the public reads and a user writes': [() => ({ '*': READ, [ann.id]: { write: true } }), 'nobody bea ann', 'ann'],
  'a role reads and writes': [() => ({ [`role:${role.getName()}`]: BOTH }), 'bea', 'bea'],
  'a role writes what the public reads': [() => ({ '*': READ, [`role:${role.getName()}`]: { write: true } }), 'nobody bea ann', 'bea'],
  'a user and a role read': [() => ({ [ann.id]: READ, [`role:${role.getName()}`]: READ }), 'bea ann', ''],
  'nobody, where the ACL is empty': [() => ({}), '', ''],
  'nobody, where a role is not there': [() => ({ 'role:nosuchrole': BOTH }), '', ''],
  'nobody, where a role is named like a user': [() => ({ [`role:${ann.id}`]: BOTH, [role.getName()]: BOTH }), '', ''],
};

for (const [title, [acl, readers, writers]] of Object.entries(TABLE)) {
  test(`an ACL: ${title}`, async () => {
    const callers = { nobody: {}, bea: as(bea), ann: as(ann) };
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

test('an object without an ACL is for everybody', async () => {
  const object = await make(newClass('Thing'), { n: 1 });
  assert.equal(object.getACL(), null);
  assert.ok(await canRead(object, as(bea)));
  assert.ok(await canWrite(object, {}));
});

test('the ACL comes back with the object, without the entries that are false', async () => {
  const className = newClass('Thing');
  const { objectId } = await send('POST', `classes/${className}`, { ACL: { '*': { read: true, write: false }, [ann.id]: { read: false } } });
  assert.deepEqual((await send('GET', `classes/${className}/${objectId}`)).ACL, { '*': { read: true } });
  const acl = new Parse.ACL(ann);
  acl.setRoleWriteAccess(role, true);
  const saved = await new Parse.Object(className).setACL(acl).save(null, as(ann));
  const found = await new Parse.Query(className).get(saved.id, as(ann));
  assert.deepEqual(found.getACL().toJSON(), { [ann.id]: BOTH, [`role:${role.getName()}`]: { write: true } });
  assert.deepEqual([found.getACL().getReadAccess(ann), found.getACL().getReadAccess(bea)], [true, false]);
});

// what is hidden is not there, whatever way it is asked for

test('what is hidden is in no result', async () => {
  const { className, id } = await ofAnn();
  const shown = await withACL({ '*': READ }, { name: 'shown', n: 2 }, className);
  const query = () => new Parse.Query(className);
  for (const [caller, options] of Object.entries(others())) {
    assert.deepEqual(sorted(await query().find(options)), ['shown'], caller);
    assert.equal(await query().count(options), 1, caller);
    assert.deepEqual((await query().withCount().limit(1).find(options)).count, 1, caller);
    assert.deepEqual(await query().equalTo('name', 'secret').find(options), [], caller);
    assert.deepEqual(await query().containedIn('objectId', [id]).find(options), [], caller);
    assert.deepEqual(sorted(await query().ascending('n').limit(1).find(options)), ['shown'], caller);
    const either = Parse.Query.or(query().equalTo('n', 1), query().equalTo('n', 2));
    assert.equal((await either.first(options)).id, shown.id, caller);
    assert.deepEqual(sorted(await query().findAll(options)), ['shown'], caller);
    await failsWith(OBJECT_NOT_FOUND, query().get(id, options));
    await failsWith(OBJECT_NOT_FOUND, send('GET', `classes/${className}/${id}`, {}, options));
  }
  assert.deepEqual(sorted(await query().find(as(ann))), ['secret', 'shown']);
  assert.equal(await query().count(master), 2);
});

test('what is hidden is not included', async () => {
  const city = await ofAnn({ name: 'hidden city' });
  const person = await make(newClass('Person'), { name: 'p', city });
  const post = await make(newClass('Post'), { person, cities: [city] });
  const found = options => new Parse.Query(post.className).include('person.city', 'cities').get(post.id, options);
  for (const [caller, options] of Object.entries(others())) {
    const text = JSON.stringify((await found(options)).toJSON());
    assert.doesNotMatch(text, /hidden city/, caller);
  }
  assert.equal((await found(as(ann))).get('person').get('city').get('name'), 'hidden city');
  assert.equal((await found(as(ann))).get('cities')[0].get('name'), 'hidden city');
});

test('a query within a query sees what its caller sees', async () => {
  const team = await ofAnn({ name: 'red', city: 'Rome' });
  const player = await make(newClass('Player'), { name: 'p', team, home: 'Rome' });
  const teams = new Parse.Query(team.className).equalTo('name', 'red');
  const players = () => new Parse.Query(player.className);
  const count = async options => [
    await players().matchesQuery('team', teams).count(options),
    await players().doesNotMatchQuery('team', teams).count(options),
    await players().matchesKeyInQuery('home', 'city', teams).count(options),
    await players().doesNotMatchKeyInQuery('home', 'city', teams).count(options),
  ];
  for (const [caller, options] of Object.entries(others())) assert.deepEqual(await count(options), [0, 1, 0, 1], caller);
  assert.deepEqual(await count(as(ann)), [1, 0, 1, 0]);
});

test('a hidden member of a relation is not found through it', async () => {
  const member = await ofAnn();
  const shown = await make(member.className, { name: 'shown' });
  const owner = new Parse.Object(newClass('Owner'));
  owner.relation('members').add([member, shown]);
  await owner.save();
  const members = () => owner.relation('members').query();
  for (const [caller, options] of Object.entries(others())) {
    assert.deepEqual(sorted(await members().find(options)), ['shown'], caller);
    assert.equal(await members().count(options), 1, caller);
  }
  assert.equal(await members().count(as(ann)), 2);
});

test('the members of a hidden owner are not found', async () => {
  const member = await make(newClass('Member'), { name: 'm' });
  const owner = new Parse.Object(newClass('Owner')).setACL(new Parse.ACL(ann));
  owner.relation('members').add(member);
  await owner.save(null, as(ann));
  for (const [caller, options] of Object.entries(others())) {
    const found = await owner.relation('members').query().find(options);
    assert.deepEqual(found, [], caller);
  }
  assert.equal(await owner.relation('members').query().count(as(ann)), 1);
});

// what may not be written stays as it is

test('what is hidden is not changed, whatever the change', async () => {
  const object = await ofAnn({ name: 'secret', n: 1, tags: ['a'] });
  const changes = [
    { n: 2 },
    { n: { __op: 'Increment', amount: 1 } },
    { tags: { __op: 'Add', objects: ['b'] } },
    { n: { __op: 'Delete' } },
    { ACL: { '*': BOTH } },
    {},
  ];
  const path = `classes/${object.className}/${object.id}`;
  for (const options of Object.values(others())) {
    for (const change of changes) await failsWith(OBJECT_NOT_FOUND, send('PUT', path, change, options));
    await failsWith(OBJECT_NOT_FOUND, send('DELETE', path, {}, options));
  }
  const found = await send('GET', path, {}, as(ann));
  assert.deepEqual([found.n, found.tags, found.ACL], [1, ['a'], { [ann.id]: BOTH }]);
});

test('a batch changes nothing that its caller could not change alone', async () => {
  const object = await ofAnn();
  const path = `${mount}/classes/${object.className}/${object.id}`;
  const requests = [
    { method: 'PUT', path, body: { n: 2 } },
    { method: 'GET', path, body: {} },
    { method: 'DELETE', path, body: {} },
    { method: 'POST', path: `${mount}/classes/${object.className}`, body: { name: 'mine' } },
  ];
  for (const options of Object.values(others())) {
    const answers = await send('POST', 'batch', { requests }, options);
    assert.deepEqual(answers.map(answer => answer.error?.code), [OBJECT_NOT_FOUND, OBJECT_NOT_FOUND, OBJECT_NOT_FOUND, undefined]);
    const both = [reference(object.className, object.id).set('n', 3), new Parse.Object(object.className, { name: 'mine' })];
    await failsWith(OBJECT_NOT_FOUND, Parse.Object.saveAll(both, { ...options, transaction: false }));
  }
  assert.equal((await object.fetch(as(ann))).get('n'), 1);
});

test('a transaction with one thing that is not allowed does nothing', async () => {
  const object = await ofAnn();
  const created = new Parse.Object(object.className, { name: 'mine' });
  const both = [created, reference(object.className, object.id).set('n', 3)];
  await assert.rejects(Parse.Object.saveAll(both, { ...as(bea), transaction: true }));
  assert.equal(await new Parse.Query(object.className).count(master), 1);
});

test('relations of an object that may not be written stay as they are', async () => {
  const [first, second] = await makeAll(newClass('Member'), [{ name: 'a' }, { name: 'b' }]);
  const owner = new Parse.Object(newClass('Owner')).setACL(new Parse.ACL({ '*': READ }));
  owner.relation('members').add(first);
  await owner.save(null, master);
  const change = run => {
    const other = reference(owner.className, owner.id);
    run(other.relation('members'));
    return failsWith(OBJECT_NOT_FOUND, other.save(null, as(bea)));
  };
  await change(members => members.add(second));
  await change(members => members.remove(first));
  assert.deepEqual(sorted(await owner.relation('members').query().find()), ['a']);
});

test('destroyAll leaves what is not its own', async () => {
  const object = await withACL({ '*': READ });
  await assert.rejects(Parse.Object.destroyAll([object], as(bea)));
  assert.equal(await new Parse.Query(object.className).count(), 1);
});

// changing who may

test('who may write gives access, and takes it away', async () => {
  const object = await ofAnn();
  const acl = new Parse.ACL(ann);
  acl.setReadAccess(bea, true);
  await reference(object.className, object.id).setACL(acl).save(null, as(ann));
  assert.deepEqual([await canRead(object, as(bea)), await canWrite(object, as(bea))], [true, false]);
  await failsWith(OBJECT_NOT_FOUND, send('PUT', `classes/${object.className}/${object.id}`, { ACL: { [bea.id]: BOTH } }, as(bea)));
  await reference(object.className, object.id).setACL(new Parse.ACL(ann)).save(null, as(ann));
  assert.equal(await canRead(object, as(bea)), false);
});

test('who gives its access away has none', async () => {
  const object = await ofAnn();
  await reference(object.className, object.id).setACL(new Parse.ACL(bea)).save(null, as(ann));
  assert.deepEqual([await canRead(object, as(ann)), await canRead(object, as(bea))], [false, true]);
});

test('an ACL that is deleted leaves the object to everybody', async () => {
  const object = await ofAnn();
  await send('PUT', `classes/${object.className}/${object.id}`, { ACL: { __op: 'Delete' } }, as(ann));
  assert.ok(await canRead(object, {}));
});

test('the owner deletes its object', async () => {
  const object = await ofAnn();
  await reference(object.className, object.id).destroy(as(ann));
  assert.equal(await new Parse.Query(object.className).count(master), 0);
});

const BAD = {
  'a text': 'public',
  'a list': [{ '*': READ }],
  'a number where a right belongs': { '*': { read: 1 } },
  'an unknown right': { '*': { own: true } },
  'a text where rights belong': { '*': 'read' },
  'a user that was not saved': { '*unresolved': BOTH },
};

for (const [title, ACL] of Object.entries(BAD)) {
  test(`an ACL cannot be ${title}`, async () => {
    const className = newClass('Thing');
    const error = await send('POST', `classes/${className}`, { n: 1, ACL }).then(() => assert.fail('it was saved'), reason => reason);
    assert.ok([Parse.Error.INVALID_ACL, Parse.Error.INCORRECT_TYPE].includes(error.code), `${error.code}: ${error.message}`);
    assert.equal(await new Parse.Query(className).count(master), 0);
  });
}
