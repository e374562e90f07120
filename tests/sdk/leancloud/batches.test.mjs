// Many objects at once. LeanCloud and its SDKs on the wire.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { range, sorted, valuesOf } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { AV, make, makeAll, reference, send } from './sdk.mjs';

const MISSING = '5a0000000000000000000000';

/** What AV.Object.saveAll, fetchAll failed with, and what it knows of each object. */
const failure = promise => promise.then(() => assert.fail('it succeeded'), error => error);

test('saveAll saves many objects, each its own', async () => {
  const Thing = newClass('Thing');
  const objects = range(45).map(n => new AV.Object(Thing, { n }));
  await AV.Object.saveAll(objects);
  assert.equal(new Set(objects.map(object => object.id)).size, 45);
  assert.ok(objects.every(object => object.createdAt instanceof Date));
  for (const object of await new AV.Query(Thing).find()) {
    assert.equal(object.get('n'), objects.find(each => each.id === object.id).get('n'));
  }
});

test('saveAll creates and updates in one batch', async () => {
  const Thing = newClass('Thing');
  const [a, b] = await makeAll(Thing, [{ name: 'a', n: 1 }, { name: 'b', n: 1 }]);
  await AV.Object.saveAll([a.set('n', 2), new AV.Object(Thing, { name: 'c', n: 3 }), b.increment('n', 5)]);
  const found = await new AV.Query(Thing).ascending('name').find();
  assert.deepEqual(valuesOf(found, 'n'), [2, 6, 3]);
});

test('saveAll with fetchWhenSave brings what others have changed', async () => {
  const objects = await makeAll(newClass('Thing'), [{ n: 1 }, { n: 2 }]);
  for (const object of objects) await reference(object.className, object.id).increment('n', 10).save();
  objects.forEach(object => object.increment('n'));
  await AV.Object.saveAll(objects, { fetchWhenSave: true });
  assert.deepEqual(valuesOf(objects, 'n'), [12, 13]);
});

test('one failure in saveAll is told in its place, and does not stop the rest', async () => {
  const { className } = await make(newClass('Person'), { age: 1 });
  const [missing, created] = [reference(className, MISSING).set('age', 30), new AV.Object(className, { age: 40 })];
  const error = await failure(AV.Object.saveAll([missing, created]));
  assert.equal(error.code, 1);
  assert.ok(error.results[0] instanceof Error);
  assert.equal(error.results[0].message, `Could not find object by id '${MISSING}' for class '${className}'.`);
  assert.equal(error.results[1], created);
  assert.deepEqual(sorted(await new AV.Query(className).find(), 'age'), [1, 40]);
});

test('fetchAll brings all of them up to date', async () => {
  const objects = await makeAll(newClass('Thing'), range(30).map(n => ({ n })));
  const references = objects.map(object => reference(object.className, object.id));
  await AV.Object.fetchAll(references);
  assert.deepEqual(valuesOf(references, 'n'), range(30));
});

test('fetchAll tells a missing object and a missing class apart from those it found', async () => {
  const object = await make(newClass('Thing'), { n: 1 });
  const Nobody = newClass('Nobody');
  const error = await failure(AV.Object.fetchAll([reference(object.className, object.id), reference(object.className, MISSING), reference(Nobody, MISSING)]));
  assert.deepEqual([error.code, error.results[0].get('n'), error.results[1].code, error.results[2].code], [101, 1, 101, 101]);
  assert.match(error.results[2].message, /^Class or object doesn't exists\./);
});

test('on the wire a missing object of a batch is null, and a missing class an error', async () => {
  const { className, id } = await make(newClass('Thing'), { n: 1 });
  const paths = [`${className}/${id}`, `${className}/${MISSING}`, `${newClass('Nobody')}/${MISSING}`];
  const requests = paths.map(path => ({ method: 'GET', path: `/1.1/classes/${path}` }));
  const [found, missing, nobody] = await send('POST', '/batch', { data: { requests } });
  assert.equal(found.success.n, 1);
  assert.deepEqual(missing, { success: null });
  assert.deepEqual(nobody, { error: { code: 101, error: "Class or object doesn't exists." } });
});

test('destroyAll deletes many objects, by one path for each class', async () => {
  const [Thing, Other] = [newClass('Thing'), newClass('Other')];
  const things = await makeAll(Thing, range(25).map(n => ({ n })));
  const others = await makeAll(Other, range(3).map(n => ({ n })));
  await AV.Object.destroyAll([...things.slice(0, 24), ...others.slice(1)]);
  assert.deepEqual(valuesOf(await new AV.Query(Thing).find(), 'n'), [24]);
  assert.deepEqual(valuesOf(await new AV.Query(Other).find(), 'n'), [0]);
});

test('each item of a batch is answered in its place', async () => {
  const Thing = newClass('Thing');
  const object = await make(Thing, { n: 1 });
  const path = `/1.1/classes/${Thing}`;
  const answers = await send('POST', '/batch', {
    data: {
      requests: [
        { method: 'POST', path, body: { n: 5 } },
        { method: 'PUT', path: `${path}/${MISSING}`, body: { n: 5 } },
        { method: 'PUT', path: `${path}/${object.id}`, body: { n: { __op: 'Increment', amount: 2 } }, params: { fetchWhenSave: true } },
        { method: 'PUT', path: `${path}/${object.id}`, body: { n: 0 }, params: { where: '{"n":99}' } },
        { method: 'GET', path, params: { where: { n: 3 } } },
        { method: 'POST', path, body: { n: 'text' } },
        { method: 'DELETE', path: `${path}/${object.id}` },
      ],
    },
  });
  assert.deepEqual(Object.keys(answers[0].success).sort(), ['createdAt', 'objectId']);
  assert.equal(answers[1].error.code, 1);
  assert.equal(answers[2].success.n, 3);
  assert.deepEqual(answers[3].error, { code: 305, error: 'No effect on updating/deleting a document.' });
  assert.deepEqual(answers[4].success.results.map(each => each.objectId), [object.id]);
  assert.equal(answers[5].error.code, 111);
  assert.deepEqual(answers[6], { success: {} });
});
