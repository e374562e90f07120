// Create, read, update and delete one object. Parse Server and its SDKs on the wire

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith, nextMillisecond } from '../checks.mjs';
import { newClass, parse as target } from '../target.mjs';
import { fresh, make, Parse, reference, send, withSettings } from './sdk.mjs';

test('a new object gets an id and two equal times, and did not exist before', async () => {
  const object = new Parse.Object(newClass('Score'));
  assert.equal(object.isNew(), true);
  await object.save({ score: 1337 });
  assert.match(object.id, /^[A-Za-z0-9]+$/);
  assert.ok(object.createdAt instanceof Date);
  assert.ok(Math.abs(Date.now() - object.createdAt) < 60_000);
  assert.deepEqual(object.updatedAt, object.createdAt);
  assert.equal(object.isNew(), false);
  assert.equal(object.existed(), false);
  assert.equal(object.dirty(), false);
});

test('an object that was found or updated did exist before', async () => {
  const object = await make(newClass('Score'), { score: 1 });
  const found = await fresh(object);
  assert.equal(found.existed(), true);
  await object.save({ score: 2 });
  assert.equal(object.existed(), true);
});

test('two new objects have two ids', async () => {
  const className = newClass('Score');
  const [one, two] = await Promise.all([make(className), make(className)]);
  assert.notEqual(one.id, two.id);
});

test('an object without fields can be saved', async () => {
  const found = await fresh(await make(newClass('Empty')));
  assert.deepEqual(Object.keys(found.toJSON()).sort(), ['createdAt', 'objectId', 'updatedAt']);
});

test('an object comes back with its fields and system fields, and nothing the SDK sent beside them', async () => {
  const object = await make(newClass('Score'), { score: 1337, cheat: false });
  const json = (await fresh(object)).toJSON();
  assert.deepEqual(json, {
    objectId: object.id,
    createdAt: object.createdAt.toJSON(),
    updatedAt: object.updatedAt.toJSON(),
    score: 1337,
    cheat: false,
  });
});

test('times are kept to the millisecond', async () => {
  const object = await make(newClass('Score'));
  await nextMillisecond();
  await object.save({ score: 1 });
  const found = await fresh(object);
  assert.equal(found.createdAt.getTime(), object.createdAt.getTime());
  assert.equal(found.updatedAt.getTime(), object.updatedAt.getTime());
  assert.ok(found.updatedAt > found.createdAt);
});

test('fetch brings what another client wrote, and drops what it removed', async () => {
  const object = await make(newClass('Score'), { score: 1, old: 'x' });
  const other = reference(object.className, object.id);
  other.set('score', 2);
  other.unset('old');
  await other.save();
  assert.equal(object.get('score'), 1);
  const same = await object.fetch();
  assert.equal(same, object);
  assert.equal(object.get('score'), 2);
  assert.equal(object.has('old'), false);
});

test('an update leaves the other fields and createdAt alone', async () => {
  const object = await make(newClass('Score'), { score: 1, name: 'Ann', nested: { a: 1 } });
  const other = reference(object.className, object.id);
  await other.save({ score: 2 });
  assert.ok(other.updatedAt instanceof Date);
  const found = await fresh(object);
  assert.deepEqual(
    [found.get('score'), found.get('name'), found.get('nested'), found.createdAt.getTime()],
    [2, 'Ann', { a: 1 }, object.createdAt.getTime()]
  );
});

test('a save without changes moves updatedAt', async () => {
  const object = await make(newClass('Score'), { score: 1 });
  await nextMillisecond();
  await object.save();
  const found = await fresh(object);
  assert.ok(found.updatedAt > found.createdAt);
  assert.equal(found.get('score'), 1);
});

test('an update answers updatedAt only', async () => {
  const object = await make(newClass('Score'), { score: 1 });
  const answer = await send('PUT', `classes/${object.className}/${object.id}`, { score: 2 });
  assert.deepEqual(Object.keys(answer), ['updatedAt']);
  assert.match(answer.updatedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('a create answers objectId and createdAt only', async () => {
  const answer = await send('POST', `classes/${newClass('Score')}`, { score: 2, list: [1], o: { a: 1 } });
  assert.deepEqual(Object.keys(answer).sort(), ['createdAt', 'objectId']);
});

test('a deletion answers an empty object', async () => {
  const object = await make(newClass('Score'));
  assert.deepEqual(await send('DELETE', `classes/${object.className}/${object.id}`), {});
});

test('unset removes a field, and unsetting a missing field is no error', async () => {
  const object = await make(newClass('Score'), { score: 1, name: 'Ann' });
  object.unset('score');
  object.unset('never');
  await object.save();
  assert.equal(object.has('score'), false);
  const found = await fresh(object);
  assert.deepEqual([found.has('score'), found.has('never'), found.get('name')], [false, false, 'Ann']);
});

test('clear removes all fields', async () => {
  const object = await make(newClass('Score'), { score: 1, name: 'Ann' });
  await object.clear().save();
  assert.deepEqual(Object.keys((await fresh(object)).toJSON()).sort(), ['createdAt', 'objectId', 'updatedAt']);
});

test('a destroyed object is gone: get, fetch, update and a second destroy are 101', async () => {
  const object = await make(newClass('Score'), { score: 1 });
  await make(object.className, { score: 2 });
  const same = () => reference(object.className, object.id);
  await object.destroy();
  const error = await failsWith(Parse.Error.OBJECT_NOT_FOUND, new Parse.Query(object.className).get(object.id));
  assert.ok(error instanceof Parse.Error);
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, same().fetch());
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, same().save({ score: 3 }));
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, same().destroy());
  assert.equal(await new Parse.Query(object.className).count(), 1);
});

test('destroy leaves the other objects of the class', async () => {
  const object = await make(newClass('Score'), { name: 'a' });
  const kept = await make(object.className, { name: 'b' });
  await object.destroy();
  const found = await new Parse.Query(object.className).find();
  assert.deepEqual(found.map(o => o.id), [kept.id]);
});

test('an object of a class that nobody made is not found, and its class is empty', async () => {
  const className = newClass('Nobody');
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, reference(className, 'aaaaaaaaaa').fetch());
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, reference(className, 'aaaaaaaaaa').save({ a: 1 }));
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, new Parse.Query(className).get('aaaaaaaaaa'));
  assert.deepEqual(await new Parse.Query(className).find(), []);
  assert.equal(await new Parse.Query(className).count(), 0);
  assert.equal(await new Parse.Query(className).first(), undefined);
});

test('exists tells whether an object is still there', async () => {
  const object = await make(newClass('Score'));
  assert.equal(await object.exists(), true);
  await object.destroy();
  assert.equal(await object.exists(), false);
});

test('an unsaved child is saved with its parent, which then points to it', async () => {
  const child = new Parse.Object(newClass('Child'), { name: 'kid' });
  const parent = await make(newClass('Parent'), { child, list: [new Parse.Object(child.className, { name: 'other' })] });
  assert.ok(child.id);
  const found = await fresh(parent);
  assert.equal(found.get('child').id, child.id);
  const inList = await found.get('list')[0].fetch();
  assert.equal(inList.get('name'), 'other');
});

test('a new object cannot choose its objectId, or have a field called id', async () => {
  const className = newClass('Score');
  await failsWith(Parse.Error.INVALID_KEY_NAME, send('POST', `classes/${className}`, { objectId: 'abcdefghij' }));
  await failsWith(Parse.Error.INVALID_KEY_NAME, send('POST', `classes/${className}`, { id: 'abcdefghij' }));
});

test('an update cannot give an object another id', async () => {
  const object = await make(newClass('Score'), { n: 1 });
  const path = `classes/${object.className}/${object.id}`;
  await send('PUT', path, { objectId: 'abcdefghij', n: 2 }).catch(error => assert.equal(error.code, Parse.Error.INVALID_KEY_NAME));
  assert.deepEqual((await new Parse.Query(object.className).find()).map(each => each.id), [object.id]);
});

test('times that a client sends with a new object are ignored', async () => {
  const className = newClass('Score');
  const moment = { __type: 'Date', iso: '2001-02-03T04:05:06.789Z' };
  const { objectId } = await send('POST', `classes/${className}`, { createdAt: moment, updatedAt: moment, n: 1 });
  const found = await new Parse.Query(className).get(objectId);
  assert.ok(found.createdAt.getFullYear() > 2001);
  assert.ok(found.updatedAt.getFullYear() > 2001);
});

test('the context of a save is not stored', async () => {
  const object = new Parse.Object(newClass('Score'), { a: 1 });
  await object.save(null, { context: { why: 'test' } });
  await object.save({ a: 2 }, { context: { why: 'test' } });
  assert.deepEqual(Object.keys((await fresh(object)).toJSON()).sort(), ['a', 'createdAt', 'objectId', 'updatedAt']);
  await object.destroy({ context: { why: 'test' } });
});

test('an ACL is kept as it was written', async () => {
  const acl = new Parse.ACL();
  acl.setPublicReadAccess(true);
  acl.setPublicWriteAccess(true);
  acl.setReadAccess('someuserid', true);
  acl.setRoleWriteAccess('editors', true);
  const object = new Parse.Object(newClass('Guarded'), { a: 1 });
  object.setACL(acl);
  await object.save();
  const found = await fresh(object);
  assert.ok(found.getACL() instanceof Parse.ACL);
  assert.deepEqual(found.getACL().toJSON(), {
    '*': { read: true, write: true },
    someuserid: { read: true },
    'role:editors': { write: true },
  });
});

test('an object without an ACL comes back without one', async () => {
  assert.equal((await fresh(await make(newClass('Open')))).getACL(), null);
});

test('a registered subclass comes back as one', async () => {
  const className = newClass('Monster');
  class Monster extends Parse.Object {
    constructor() {
      super(className);
    }
    get strong() {
      return this.get('strength') > 18;
    }
  }
  Parse.Object.registerSubclass(className, Monster);
  const monster = await new Monster().save({ strength: 19 });
  const found = await new Parse.Query(Monster).get(monster.id);
  assert.ok(found instanceof Monster);
  assert.equal(found.strong, true);
});

test('the master key is enough, and may be used for one call', async () => {
  const object = await make(newClass('Score'), { score: 1 });
  await object.save({ score: 2 }, { useMasterKey: true });
  const found = await new Parse.Query(object.className).get(object.id, { useMasterKey: true });
  assert.equal(found.get('score'), 2);
  await object.destroy({ useMasterKey: true });
});

test('the idempotency header is accepted', async () => {
  const object = await withSettings({ IDEMPOTENCY: true }, () => make(newClass('Score'), { score: 1 }));
  await withSettings({ IDEMPOTENCY: true }, () => object.save({ score: 2 }));
  assert.equal((await fresh(object)).get('score'), 2);
});

test('the second mount serves the same objects, batches included', async () => {
  const object = await make(newClass('Score'), { score: 1 });
  await withSettings({ SERVER_URL: target.secondServerURL }, async () => {
    const found = await fresh(object);
    assert.equal(found.get('score'), 1);
    await Parse.Object.saveAll([found.set('score', 2), new Parse.Object(object.className, { score: 3 })]);
  });
  const scores = await new Parse.Query(object.className).ascending('score').find();
  assert.deepEqual(scores.map(o => o.get('score')), [2, 3]);
});

test('a server URL with a slash at its end works', async () => {
  const object = await withSettings({ SERVER_URL: `${target.serverURL}/` }, () => make(newClass('Score'), { a: 1 }));
  assert.equal((await fresh(object)).get('a'), 1);
});
