// Classes as such: made, changed, purged and deleted with the SDK's Parse.Schema. Recorded from Parse Server

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { Parse, make, send } from './sdk.mjs';

const SYSTEM = {
  objectId: { type: 'String' },
  createdAt: { type: 'Date' },
  updatedAt: { type: 'Date' },
  ACL: { type: 'ACL' },
};
const EVERYBODY = { '*': true };
const OPEN = {
  ACL: { '*': { read: true, write: true } },
  find: EVERYBODY,
  get: EVERYBODY,
  count: EVERYBODY,
  create: EVERYBODY,
  update: EVERYBODY,
  delete: EVERYBODY,
  addField: EVERYBODY,
  protectedFields: { '*': [] },
};

/** Fails with this number and, where one is given, in these words. */
async function refuses(code, promise, text) {
  const error = await failsWith(code, promise);
  if (text) assert.equal(error.message, text);
}

test('a class of every type comes back as it was made', async () => {
  const name = newClass('City');
  const at = new Date('2026-01-02T03:04:05.678Z');
  const made = await new Parse.Schema(name)
    .addString('name', { required: true })
    .addNumber('people', { defaultValue: 7 })
    .addBoolean('open', { defaultValue: false })
    .addDate('founded', { defaultValue: at })
    .addObject('meta', { defaultValue: { a: [1] } })
    .addArray('tags')
    .addGeoPoint('place')
    .addPolygon('area')
    .addFile('photo')
    .addField('raw', 'Bytes')
    .addPointer('country', 'Country')
    .addRelation('twins', name)
    .save();
  assert.deepEqual(made, {
    className: name,
    fields: {
      ...SYSTEM,
      name: { type: 'String', required: true },
      people: { type: 'Number', defaultValue: 7 },
      open: { type: 'Boolean', defaultValue: false },
      founded: { type: 'Date', defaultValue: { __type: 'Date', iso: at.toISOString() } },
      meta: { type: 'Object', defaultValue: { a: [1] } },
      tags: { type: 'Array' },
      place: { type: 'GeoPoint' },
      area: { type: 'Polygon' },
      photo: { type: 'File' },
      raw: { type: 'Bytes' },
      country: { type: 'Pointer', targetClass: 'Country' },
      twins: { type: 'Relation', targetClass: name },
    },
    classLevelPermissions: OPEN,
  });
  assert.deepEqual(await new Parse.Schema(name).get(), made);
  assert.deepEqual((await Parse.Schema.all()).find(schema => schema.className === name), made);
  assert.deepEqual((await send('GET', 'schemas/', {}, { useMasterKey: true })).results, await Parse.Schema.all());
});

test('users, roles and sessions are classes from the beginning', async () => {
  const names = (await Parse.Schema.all()).map(schema => schema.className);
  for (const name of ['_User', '_Role', '_Session']) assert.ok(names.includes(name), name);
  const { fields } = await new Parse.Schema('_User').get();
  assert.deepEqual([fields.username, fields.password, fields.email], Array(3).fill({ type: 'String' }));
});

test('defaults are in the answer to a create, and required fields are required', async () => {
  const name = newClass('City');
  await new Parse.Schema(name).addString('name', { required: true }).addNumber('people', { defaultValue: 7 }).save();
  const city = await make(name, { name: 'Bern' });
  assert.equal(city.get('people'), 7);
  await refuses(142, make(name, { people: 1 }), 'name is required');
  await refuses(142, make(name, { name: '' }), 'name is required');
  await refuses(142, city.unset('name').save(), 'name is required');
});

test('fields and indexes are added and taken away', async () => {
  const name = newClass('City');
  const schema = new Parse.Schema(name);
  await schema.addString('name').addNumber('people').save();
  const city = await make(name, { name: 'Bern', people: 1 });
  const changed = await new Parse.Schema(name)
    .addNumber('area')
    .deleteField('people')
    .addIndex('by_name', { name: 1, createdAt: -1 })
    .update();
  assert.deepEqual(changed.fields, { ...SYSTEM, name: { type: 'String' }, area: { type: 'Number' } });
  assert.deepEqual(changed.indexes, { _id_: { _id: 1 }, by_name: { name: 1, createdAt: -1 } });
  assert.equal((await city.fetch()).get('people'), undefined);
  await city.save({ people: 'many' });
  await refuses(102, new Parse.Schema(name).addIndex('by_name', { name: 1 }).update(), 'Index by_name exists, cannot update.');
  await refuses(102, new Parse.Schema(name).addIndex('other', { none: 1 }).update());
  const without = await new Parse.Schema(name).deleteIndex('by_name').update();
  assert.equal(without.indexes, undefined);
});

test('what cannot be is refused', async () => {
  const name = newClass('City');
  await new Parse.Schema(name).addString('name').save();
  const on = change => change(new Parse.Schema(name)).update();
  await refuses(103, new Parse.Schema(name).save(), `Class ${name} already exists.`);
  await refuses(103, new Parse.Schema(newClass('None')).get());
  await refuses(103, new Parse.Schema(newClass('None')).addString('a').update());
  await refuses(255, on(schema => schema.addNumber('name')), 'Field name exists, cannot update.');
  await refuses(255, on(schema => schema.deleteField('none')), 'Field none does not exist, cannot delete.');
  await refuses(136, on(schema => schema.deleteField('createdAt')), 'field createdAt cannot be changed');
  await refuses(105, on(schema => schema.addString('1bad')), 'invalid field name: 1bad');
  await refuses(111, on(schema => schema.addNumber('n', { defaultValue: 'x' })));
  const asMaster = { useMasterKey: true };
  await refuses(103, send('POST', `schemas/${newClass('A')}`, { className: newClass('B') }, asMaster));
  await refuses(111, send('PUT', `schemas/${name}`, { fields: { x: { type: 'Bogus' } } }, asMaster));
  await refuses(135, send('PUT', `schemas/${name}`, { fields: { x: { type: 'Pointer' } } }, asMaster));
});

test('a class is purged, and deleted when it is empty', async () => {
  const name = newClass('City');
  await Promise.all([make(name), make(name)]);
  const schema = new Parse.Schema(name);
  await refuses(255, schema.delete(), `Class ${name} is not empty, contains 2 objects, cannot drop schema.`);
  await schema.purge();
  assert.equal(await new Parse.Query(name).count(), 0);
  await schema.delete();
  await refuses(103, schema.get());
  await schema.delete();
  await schema.purge();
});

test('only the master may ask', async () => {
  for (const [method, path] of [
    ['GET', 'schemas'],
    ['GET', 'schemas/_User'],
    ['POST', `schemas/${newClass('City')}`],
    ['PUT', 'schemas/_User'],
    ['DELETE', 'schemas/_User'],
    ['DELETE', 'purge/_User'],
  ]) {
    await assert.rejects(send(method, path), error => /unauthorized: master key is required/.test(error.message), path);
  }
});
