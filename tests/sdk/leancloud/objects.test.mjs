// Create, read, update and delete one object. LeanCloud and its SDKs on the wire.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith, nextMillisecond } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { AV, fresh, make, makeAll, master, reference, send, withSettings } from './sdk.mjs';

const MISSING = '5a0000000000000000000000';

test('a new object gets an id and two equal times', async () => {
  const object = new AV.Object(newClass('Todo'));
  await object.save({ title: 'hello' });
  assert.match(object.id, /^[A-Za-z0-9]+$/);
  assert.ok(object.createdAt instanceof Date);
  assert.ok(Math.abs(Date.now() - object.createdAt) < 60_000);
  assert.deepEqual(object.updatedAt, object.createdAt);
  assert.equal(object.dirty(), false);
});

test('an object comes back with its fields and system fields, and nothing else', async () => {
  const object = await make(newClass('Todo'), { title: 'hello', n: 1 });
  const answer = await send('GET', `/classes/${object.className}/${object.id}`);
  assert.deepEqual(answer, {
    title: 'hello',
    n: 1,
    objectId: object.id,
    createdAt: object.createdAt.toJSON(),
    updatedAt: object.updatedAt.toJSON(),
  });
});

test('an object without fields can be saved', async () => {
  const found = await fresh(await make(newClass('Empty')));
  assert.deepEqual(found.attributes, {});
});

test('times are kept to the millisecond', async () => {
  const object = await make(newClass('Todo'), { n: 1 });
  await nextMillisecond();
  await object.save({ n: 2 });
  const found = await fresh(object);
  assert.equal(found.createdAt.getTime(), object.createdAt.getTime());
  assert.equal(found.updatedAt.getTime(), object.updatedAt.getTime());
  assert.ok(found.updatedAt > found.createdAt);
});

test('a create answers objectId and createdAt', async () => {
  const answer = await send('POST', `/classes/${newClass('Todo')}`, { data: { title: 'a' } });
  assert.deepEqual(Object.keys(answer).sort(), ['createdAt', 'objectId']);
});

test('an update answers objectId and updatedAt, and no results of operators', async () => {
  const object = await make(newClass('Todo'), { n: 1 });
  const path = `/classes/${object.className}/${object.id}`;
  const answer = await send('PUT', path, { data: { n: { __op: 'Increment', amount: 1 } } });
  assert.deepEqual(Object.keys(answer).sort(), ['objectId', 'updatedAt']);
  assert.equal(answer.objectId, object.id);
});

test('a deletion answers an empty object', async () => {
  const object = await make(newClass('Todo'));
  assert.deepEqual(await send('DELETE', `/classes/${object.className}/${object.id}`), {});
});

for (const parameter of ['new', 'fetchWhenSave']) {
  test(`a create with ${parameter} answers the whole object`, async () => {
    const data = { title: 'a', n: { __op: 'Increment', amount: 2 } };
    const { objectId, createdAt, ...rest } = await send('POST', `/classes/${newClass('Todo')}`, { query: { [parameter]: true }, data });
    assert.ok(objectId);
    assert.deepEqual(rest, { title: 'a', n: 2, updatedAt: createdAt });
  });

  test(`an update with ${parameter} answers the fields that it changed`, async () => {
    const object = await make(newClass('Todo'), { n: 1, title: 'a', other: true });
    const path = `/classes/${object.className}/${object.id}`;
    const data = { n: { __op: 'Increment', amount: 2 }, title: 'b' };
    const { updatedAt, ...rest } = await send('PUT', path, { query: { [parameter]: true }, data });
    assert.ok(updatedAt);
    assert.deepEqual(rest, { objectId: object.id, n: 3, title: 'b' });
  });
}

test('fetchWhenSave brings what another client has changed', async () => {
  const object = await make(newClass('Todo'), { n: 1 });
  await reference(object.className, object.id).increment('n', 10).save();
  await object.increment('n', 1).save(null, { fetchWhenSave: true });
  assert.equal(object.get('n'), 12);
});

test('fetchWhenSave works for a new object', async () => {
  const object = new AV.Object(newClass('Todo'), { n: 1 });
  await object.save(null, { fetchWhenSave: true });
  assert.equal(object.get('n'), 1);
  assert.ok(object.updatedAt instanceof Date);
});

test('fetch brings what another client wrote, and drops what it removed', async () => {
  const object = await make(newClass('Todo'), { n: 1, old: 'x' });
  const other = reference(object.className, object.id);
  other.set('n', 2);
  other.unset('old');
  await other.save();
  await object.fetch();
  assert.deepEqual(object.attributes, { n: 2 });
});

test('fetch with keys brings these fields only', async () => {
  const object = await make(newClass('Todo'), { a: 1, b: 2, c: 3 });
  const found = await reference(object.className, object.id).fetch({ keys: ['a', 'c'] });
  assert.deepEqual(found.attributes, { a: 1, c: 3 });
  assert.ok(found.createdAt instanceof Date);
});

test('fetch with an unknown key brings the system fields', async () => {
  const object = await make(newClass('Todo'), { a: 1 });
  const answer = await send('GET', `/classes/${object.className}/${object.id}`, { query: { keys: 'nosuch' } });
  assert.deepEqual(Object.keys(answer).sort(), ['createdAt', 'objectId', 'updatedAt']);
});

test('fetch with include brings the object that a pointer points to', async () => {
  const owner = await make(newClass('Owner'), { name: 'ann' });
  const object = await make(newClass('Todo'), { owner });
  const found = await reference(object.className, object.id).fetch({ include: 'owner' });
  assert.equal(found.get('owner').get('name'), 'ann');
});

test('an update leaves the other fields and createdAt alone', async () => {
  const object = await make(newClass('Todo'), { n: 1, title: 'a', o: { x: 1 } });
  await reference(object.className, object.id).save({ n: 2 });
  const found = await fresh(object);
  assert.deepEqual(found.attributes, { n: 2, title: 'a', o: { x: 1 } });
  assert.deepEqual(found.createdAt, object.createdAt);
});

test('a missing object is {} on the wire: get is 101, fetch leaves the object empty', async () => {
  const { className } = await make(newClass('Todo'));
  assert.deepEqual(await send('GET', `/classes/${className}/${MISSING}`), {});
  assert.deepEqual(await send('GET', `/classes/${className}/${MISSING}`, { query: { keys: 'a' } }), {});
  await failsWith(101, new AV.Query(className).get(MISSING));
  const object = await reference(className, MISSING).fetch();
  assert.deepEqual(object.attributes, {});
  assert.equal(object.createdAt, undefined);
});

test('a class that nobody made is 101', async () => {
  const className = newClass('Nobody');
  const error = await failsWith(101, new AV.Query(className).get(MISSING));
  assert.match(error.rawMessage, /^Class or object doesn't exists\./);
  await failsWith(101, reference(className, MISSING).fetch());
  await failsWith(101, new AV.Query(className).find());
  await failsWith(101, new AV.Query(className).count());
  await failsWith(101, new AV.Query(className).first());
});

test('an update of a missing object is error 1, with the text of LeanCloud', async () => {
  const { className } = await make(newClass('Todo'));
  const error = await failsWith(1, reference(className, MISSING).save({ n: 1 }));
  assert.equal(error.rawMessage, `Could not find object by id '${MISSING}' for class '${className}'.`);
});

test('a destroyed object is gone', async () => {
  const object = await make(newClass('Todo'), { name: 'a' });
  const kept = await make(object.className, { name: 'b' });
  await object.destroy();
  await failsWith(101, new AV.Query(object.className).get(object.id));
  const found = await new AV.Query(object.className).find();
  assert.deepEqual(found.map(each => each.id), [kept.id]);
});

test('several objects are deleted by one path', async () => {
  const [a, b, c] = await makeAll(newClass('Todo'), [{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
  assert.deepEqual(await send('DELETE', `/classes/${a.className}/${a.id},${c.id}`), {});
  const found = await new AV.Query(a.className).find();
  assert.deepEqual(found.map(each => each.id), [b.id]);
});

test('a conditional update is done where the condition is met', async () => {
  const object = await make(newClass('Account'), { balance: 100 });
  const query = new AV.Query(object.className).greaterThanOrEqualTo('balance', 30);
  await object.increment('balance', -30).save(null, { query });
  assert.equal((await fresh(object)).get('balance'), 70);
});

test('a conditional update is 305 where it is not, and changes nothing', async () => {
  const object = await make(newClass('Account'), { balance: 10 });
  const query = new AV.Query(object.className).greaterThanOrEqualTo('balance', 30);
  const error = await failsWith(305, reference(object.className, object.id).increment('balance', -30).save(null, { query }));
  assert.equal(error.rawMessage, 'No effect on updating/deleting a document.');
  assert.equal((await fresh(object)).get('balance'), 10);
});

test('a conditional update answers the new values when asked', async () => {
  const object = await make(newClass('Account'), { balance: 100 });
  const query = new AV.Query(object.className).greaterThan('balance', 1);
  const other = reference(object.className, object.id);
  await other.increment('balance', -30).save(null, { query, fetchWhenSave: true });
  assert.equal(other.get('balance'), 70);
});

test('of many conditional updates at the same time, only those that fit succeed', async () => {
  const object = await make(newClass('Account'), { balance: 50 });
  const attempts = Array.from({ length: 10 }, () => {
    const query = new AV.Query(object.className).greaterThanOrEqualTo('balance', 20);
    return reference(object.className, object.id).increment('balance', -20).save(null, { query });
  });
  const results = await Promise.allSettled(attempts);
  assert.deepEqual(results.filter(each => each.status === 'rejected').map(each => each.reason.code), Array(8).fill(305));
  assert.equal((await fresh(object)).get('balance'), 10);
});

test('a conditional deletion is done where the condition is met, and 305 where it is not', async () => {
  const object = await make(newClass('Post'), { clicks: 1 });
  const path = `/classes/${object.className}/${object.id}`;
  const error = await failsWith(305, send('DELETE', path, { query: { where: { clicks: 0 } } }));
  assert.equal(error.rawMessage, 'No effect on updating/deleting a document.');
  assert.equal((await fresh(object)).get('clicks'), 1);
  assert.deepEqual(await send('DELETE', path, { query: { where: { clicks: 1 } } }), {});
  await failsWith(101, new AV.Query(object.className).get(object.id));
});

test('unset removes a field, and unsetting a missing field is no error', async () => {
  const object = await make(newClass('Todo'), { a: 1, b: 2 });
  object.unset('a');
  object.unset('never');
  await object.save();
  assert.deepEqual((await fresh(object)).attributes, { b: 2 });
});

test('an ACL is kept as it was written, and comes back only when asked for', async () => {
  const acl = new AV.ACL();
  acl.setPublicReadAccess(true);
  acl.setPublicWriteAccess(true);
  acl.setReadAccess('someuserid', true);
  acl.setRoleWriteAccess('editors', true);
  const object = new AV.Object(newClass('Guarded'), { a: 1 });
  object.setACL(acl);
  await object.save();
  const expected = { '*': { read: true, write: true }, someuserid: { read: true }, 'role:editors': { write: true } };

  assert.equal((await new AV.Query(object.className).find())[0].getACL(), undefined);
  assert.equal((await reference(object.className, object.id).fetch()).getACL(), undefined);
  const [found] = await new AV.Query(object.className).includeACL().find();
  assert.ok(found.getACL() instanceof AV.ACL);
  assert.deepEqual(found.getACL().toJSON(), expected);
  const fetched = await reference(object.className, object.id).fetch({ includeACL: true });
  assert.deepEqual(fetched.getACL().toJSON(), expected);
});

test('an object without an ACL of its own is open to all', async () => {
  const object = await make(newClass('Open'));
  const [found] = await new AV.Query(object.className).includeACL().find();
  assert.deepEqual(found.getACL().toJSON(), { '*': { read: true, write: true } });
});

test('a field may be called id', async () => {
  const object = await make(newClass('Todo'), { id: 'my own', score: 1 });
  const found = await fresh(object);
  assert.equal(found.get('id'), 'my own');
  assert.equal(found.id, object.id);
  assert.equal((await new AV.Query(object.className).equalTo('id', 'my own').find()).length, 1);
});

test('unsaved children are saved with their parent, which then points to them', async () => {
  const child = new AV.Object(newClass('Child'), { name: 'kid' });
  const other = new AV.Object(child.className, { name: 'other' });
  const parent = new AV.Object(newClass('Parent'), { child, list: [other] });
  await parent.save();
  assert.ok(child.id && other.id);
  const found = await fresh(parent, 'child', 'list');
  assert.equal(found.get('child').get('name'), 'kid');
  assert.equal(found.get('list')[0].get('name'), 'other');
});

test('the names of hooks to leave out are not stored', async () => {
  await withSettings({ hookKey: 'any hook key' }, async () => {
    const object = new AV.Object(newClass('Hooked'), { title: 'a' });
    object.disableBeforeHook();
    object.disableAfterHook();
    await object.save();
    assert.deepEqual((await fresh(object)).attributes, { title: 'a' });
    await object.save({ title: 'b' });
    assert.deepEqual((await fresh(object)).attributes, { title: 'b' });
    await object.destroy();
    await failsWith(101, new AV.Query(object.className).get(object.id));
  });
});

test('the choice of an environment of the cloud engine is accepted', async () => {
  AV.setProduction(false);
  try {
    assert.equal((await fresh(await make(newClass('Todo'), { n: 1 }))).get('n'), 1);
  } finally {
    AV.setProduction(null);
  }
});

test('a subclass comes back as one', async () => {
  const className = newClass('Monster');
  class Monster extends AV.Object {}
  AV.Object.register(Monster, className);
  const monster = await new Monster({ strength: 19 }).save();
  const found = await new AV.Query(Monster).get(monster.id);
  assert.ok(found instanceof Monster);
  assert.equal(found.get('strength'), 19);
});

test('the master key may be used for one call', async () => {
  const object = new AV.Object(newClass('Todo'), { n: 1 });
  await object.save(null, master);
  const found = await new AV.Query(object.className).get(object.id, master);
  assert.equal(found.get('n'), 1);
  await object.destroy(master);
});

test('the server tells its time', async () => {
  const date = await AV.Cloud.getServerDate();
  assert.ok(date instanceof Date);
  assert.ok(Math.abs(Date.now() - date) < 60_000);
});
