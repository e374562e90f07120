// Many objects at once. Parse Server and its SDKs on the wire

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith, range, sorted, valuesOf } from '../checks.mjs';
import { newClass, parse as target } from '../target.mjs';
import { make, makeAll, Parse, reference, send } from './sdk.mjs';

const mount = new URL(target.serverURL).pathname;

test('saveAll saves more objects than a batch has, each its own', async () => {
  const Thing = newClass('Thing');
  const objects = range(45).map(n => new Parse.Object(Thing, { n }));
  const saved = await Parse.Object.saveAll(objects);
  assert.deepEqual(saved, objects);
  assert.equal(new Set(objects.map(object => object.id)).size, 45);
  assert.ok(objects.every(object => object.createdAt instanceof Date && !object.dirty()));
  for (const object of await new Parse.Query(Thing).find()) {
    assert.equal(object.get('n'), objects.find(each => each.id === object.id).get('n'));
  }
});

test('saveAll creates and updates in one batch', async () => {
  const Thing = newClass('Thing');
  const [a, b] = await makeAll(Thing, [{ name: 'a', n: 1 }, { name: 'b', n: 1 }]);
  await Parse.Object.saveAll([a.set('n', 2), new Parse.Object(Thing, { name: 'c', n: 3 }), b.increment('n', 5)]);
  assert.equal(b.get('n'), 6);
  const found = await new Parse.Query(Thing).ascending('name').find();
  assert.deepEqual(found.map(object => [object.get('name'), object.get('n')]), [['a', 2], ['b', 6], ['c', 3]]);
});

test('saveAll saves objects of several classes, children before their parents', async () => {
  const [Parent, Child] = [newClass('Parent'), newClass('Child')];
  const child = new Parse.Object(Child, { name: 'kid' });
  const parents = [new Parse.Object(Parent, { child }), new Parse.Object(Parent, { child })];
  await Parse.Object.saveAll(parents);
  const found = await new Parse.Query(Parent).include('child').find();
  assert.deepEqual(found.map(parent => parent.get('child').get('name')), ['kid', 'kid']);
  assert.equal(await new Parse.Query(Child).count(), 1);
});

test('saveAll of nothing saves nothing', async () => {
  assert.deepEqual(await Parse.Object.saveAll([]), []);
});

test('one failure in saveAll is told, and does not stop the rest of its batch', async () => {
  const Thing = newClass('Thing');
  const [gone] = await makeAll(Thing, [{ name: 'gone', n: 0 }]);
  await gone.destroy();
  const good = [new Parse.Object(Thing, { name: 'a', n: 1 }), new Parse.Object(Thing, { name: 'b', n: 2 })];
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, Parse.Object.saveAll([good[0], gone.set('n', 9), good[1]]));
  assert.ok(good.every(object => object.id));
  assert.deepEqual(sorted(await new Parse.Query(Thing).find()), ['a', 'b']);
});

test('a type mismatch in saveAll is 111, for its object only', async () => {
  const Thing = newClass('Thing');
  await make(Thing, { name: 'first', n: 1 });
  const objects = [new Parse.Object(Thing, { name: 'good', n: 2 }), new Parse.Object(Thing, { name: 'bad', n: 'text' })];
  await failsWith(Parse.Error.INCORRECT_TYPE, Parse.Object.saveAll(objects));
  assert.deepEqual(sorted(await new Parse.Query(Thing).find()), ['first', 'good']);
});

test('each item of a batch is answered in its place', async () => {
  const Thing = newClass('Thing');
  const object = await make(Thing, { n: 1 });
  const path = `${mount}/classes/${Thing}`;
  const answers = await send('POST', 'batch', {
    requests: [
      { method: 'POST', path, body: { n: 5 } },
      { method: 'PUT', path: `${path}/nosuchid00`, body: { n: 5 } },
      { method: 'PUT', path: `${path}/${object.id}`, body: { n: { __op: 'Increment', amount: 2 } } },
      { method: 'GET', path, body: { where: { n: 1000 }, limit: 1 } },
      { method: 'DELETE', path: `${path}/nosuchid00`, body: {} },
      { method: 'POST', path, body: { n: 'text' } },
    ],
  });
  assert.deepEqual(Object.keys(answers[0].success).sort(), ['createdAt', 'objectId']);
  assert.equal(answers[1].error.code, 101);
  assert.equal(answers[2].success.n, 3);
  assert.deepEqual(answers[3], { success: { results: [] } });
  assert.equal(answers[4].error.code, 101);
  assert.equal(answers[5].error.code, 111);
});

test('an empty batch answers an empty list', async () => {
  assert.deepEqual(await Parse.CoreManager.getRESTController().ajax('POST', `${target.serverURL}/batch`, JSON.stringify({
    requests: [], _ApplicationId: target.appId, _JavaScriptKey: target.javascriptKey,
  })).then(({ response }) => response), []);
});

const WRONG = {
  'a batch without a list': {},
  'a path on another mount': { requests: [{ method: 'GET', path: '/elsewhere/classes/Thing' }] },
  'a path without the mount': { requests: [{ method: 'GET', path: '/classes/Thing' }] },
  'a path that is no text': { requests: [{ method: 'GET', path: 5 }] },
  'a path to nothing': { requests: [{ method: 'GET', path: `${mount}/nosuch` }] },
  'a batch in a batch': { requests: [{ method: 'POST', path: `${mount}/batch`, body: { requests: [] } }] },
  'a method in lower case': { requests: [{ method: 'get', path: `${mount}/classes/Thing` }] },
};

for (const [title, body] of Object.entries(WRONG)) {
  test(`${title} is 107`, async () => {
    await failsWith(Parse.Error.INVALID_JSON, send('POST', 'batch', body));
  });
}

test('fetchAll brings all of them up to date', async () => {
  const objects = await makeAll(newClass('Thing'), range(30).map(n => ({ n })));
  const references = objects.map(object => reference(object.className, object.id));
  const fetched = await Parse.Object.fetchAll(references);
  assert.deepEqual(valuesOf(fetched, 'n'), range(30));
  assert.deepEqual(valuesOf(references, 'n'), range(30));
});

test('fetchAll fails with 101 when one of them is gone', async () => {
  const objects = await makeAll(newClass('Thing'), [{ n: 1 }, { n: 2 }]);
  await objects[1].destroy();
  await failsWith(Parse.Error.OBJECT_NOT_FOUND, Parse.Object.fetchAll(objects));
});

test('fetchAllIfNeeded fetches only what has no data', async () => {
  const [a, b] = await makeAll(newClass('Thing'), [{ n: 1 }, { n: 2 }]);
  const known = a;
  await reference(a.className, a.id).save({ n: 100 });
  const fetched = await Parse.Object.fetchAllIfNeeded([known, reference(b.className, b.id)]);
  assert.deepEqual(valuesOf(fetched, 'n'), [1, 2]);
});

test('destroyAll deletes all of them, more than a batch has', async () => {
  const Thing = newClass('Thing');
  const objects = await makeAll(Thing, range(45).map(n => ({ n })));
  await Parse.Object.destroyAll(objects.slice(0, 42));
  assert.deepEqual(valuesOf(await new Parse.Query(Thing).ascending('n').find(), 'n'), [42, 43, 44]);
});

test('destroyAll tells which of them it could not delete', async () => {
  const Thing = newClass('Thing');
  const objects = await makeAll(Thing, range(3).map(n => ({ n })));
  await objects[1].destroy();
  const error = await failsWith(Parse.Error.AGGREGATE_ERROR, Parse.Object.destroyAll(objects));
  assert.deepEqual(error.errors.map(each => [each.code, each.object]), [[Parse.Error.OBJECT_NOT_FOUND, objects[1]]]);
  assert.equal(await new Parse.Query(Thing).count(), 0);
});

test('a transaction saves all of them', async () => {
  const Thing = newClass('Thing');
  const first = await make(Thing, { name: 'first', n: 1 });
  const objects = range(30).map(n => new Parse.Object(Thing, { name: 'new', n }));
  await Parse.Object.saveAll([first.increment('n'), ...objects], { transaction: true });
  assert.equal(first.get('n'), 2);
  assert.ok(objects.every(object => object.id));
  assert.equal(await new Parse.Query(Thing).count(), 31);
});

test('a transaction with one failure saves none of them', async () => {
  const Thing = newClass('Thing');
  const first = await make(Thing, { name: 'first', n: 1 });
  const objects = [new Parse.Object(Thing, { name: 'good', n: 2 }), reference(Thing, first.id).increment('n'), new Parse.Object(Thing, { name: 'bad', n: 'text' })];
  // the SDK gives every object of the transaction an error of its own, and calls it a wrong type
  const errors = await Parse.Object.saveAll(objects, { transaction: true }).then(() => assert.fail('it was saved'), reason => reason);
  assert.deepEqual(errors.map(error => error.code), [111, 111, 111]);
  const found = await new Parse.Query(Thing).find();
  assert.deepEqual(found.map(object => [object.get('name'), object.get('n')]), [['first', 1]]);
});

test('a transaction with a missing object saves none of them', async () => {
  const Thing = newClass('Thing');
  const first = await make(Thing, { name: 'first', n: 1 });
  const gone = await make(Thing, { name: 'gone', n: 1 });
  await gone.destroy();
  const saving = Parse.Object.saveAll([first.set('n', 2), gone.set('n', 2)], { transaction: true });
  await assert.rejects(saving);
  assert.deepEqual(valuesOf(await new Parse.Query(Thing).find(), 'n'), [1]);
});

test('a transaction deletes all of them, or none', async () => {
  const Thing = newClass('Thing');
  const objects = await makeAll(Thing, range(4).map(n => ({ n })));
  await Parse.Object.destroyAll(objects.slice(0, 2), { transaction: true });
  assert.equal(await new Parse.Query(Thing).count(), 2);
  await assert.rejects(Parse.Object.destroyAll([objects[2], objects[0]], { transaction: true }));
  assert.deepEqual(sorted(await new Parse.Query(Thing).find(), 'n'), [2, 3]);
});

test('a failed transaction leaves the server able to write', async () => {
  const Thing = newClass('Thing');
  await make(Thing, { n: 1 });
  const bad = () => Parse.Object.saveAll([new Parse.Object(Thing, { n: 2 }), new Parse.Object(Thing, { n: 'x' })], { transaction: true });
  for (const attempt of range(3)) await assert.rejects(bad(), `attempt ${attempt}`);
  await make(Thing, { n: 3 });
  assert.deepEqual(sorted(await new Parse.Query(Thing).find(), 'n'), [1, 3]);
});
