// One store, three dialects: an object of a table, as each SDK has it. What one of them cannot carry it refuses in
// words, and never bends.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Backendless, fails, loggedIn, makeTable, newTable, query } from '../backendless/sdk.mjs';
import * as leancloud from '../leancloud/sdk.mjs';
import * as parse from '../parse/sdk.mjs';

const { AV } = leancloud;
const { Parse } = parse;
const { Data } = Backendless;
const { Point, Polygon } = Data;

const AT = new Date('2024-01-02T03:04:05.678Z');
const OTHERS = { Parse: parse, LeanCloud: leancloud };

const dateOf = sdk => (sdk === parse ? Parse : AV);

for (const [name, sdk] of Object.entries(OTHERS)) {
  const { GeoPoint } = dateOf(sdk);

  describe(`from Backendless to ${name}`, () => {
    test('texts, numbers, truth and JSON', async () => {
      const table = await makeTable({ name: 'STRING', age: 'INT', fair: 'BOOLEAN', js: 'JSON', nothing: 'STRING' });
      const saved = await Data.of(table).save({ name: 'Grüße, 你好', age: 1.5, fair: true, js: { a: [1, { b: null }] } });
      const found = await sdk.fresh(sdk.reference(table, saved.objectId));
      assert.deepEqual(['name', 'age', 'fair', 'js'].map(key => found.get(key)), ['Grüße, 你好', 1.5, true, { a: [1, { b: null }] }]);
      assert.equal(found.has('nothing'), false);
      assert.equal(found.id, saved.objectId);
      assert.equal(found.createdAt.getTime(), saved.created);
      assert.equal(found.updatedAt.getTime(), saved.created);
      assert.equal(found.has('ownerId'), false);
    });

    test('the time of a change', async () => {
      const store = Data.of(newTable());
      const { objectId } = await store.save({ n: 1 });
      const changed = await store.save({ objectId, n: 2 });
      const found = await sdk.fresh(sdk.reference(store.className, objectId));
      assert.equal(found.updatedAt.getTime(), changed.updated);
    });

    test('a date', async () => {
      const table = await makeTable({ at: 'DATETIME' });
      const saved = await Data.of(table).save({ at: AT });
      const found = await sdk.fresh(sdk.reference(table, saved.objectId));
      assert.ok(found.get('at') instanceof Date);
      assert.equal(found.get('at').getTime(), AT.getTime());
    });

    test('a point', async () => {
      const table = newTable();
      const saved = await Data.of(table).save({ place: new Point().setLongitude(-30.25).setLatitude(40.5) });
      const found = await sdk.fresh(sdk.reference(table, saved.objectId));
      assert.ok(found.get('place') instanceof GeoPoint);
      assert.deepEqual([found.get('place').latitude, found.get('place').longitude], [40.5, -30.25]);
    });

    test('a file', async () => {
      const table = await makeTable({ photo: 'FILE_REF' });
      const saved = await Data.of(table).save({ photo: 'https://files.example/a%20b.png' });
      const file = (await sdk.fresh(sdk.reference(table, saved.objectId))).get('photo');
      assert.ok(file instanceof dateOf(sdk).File);
      assert.equal(file.url(), 'https://files.example/a%20b.png');
      assert.equal(file.name(), 'a b.png');
    });

    test('a relation of one is a pointer, and of several a relation', async () => {
      const children = await makeTable({ name: 'STRING' }, newTable('Child'));
      const parents = await makeTable({ friend: ['RELATION', children], friends: ['RELATION_LIST', children] }, newTable('Parent'));
      const [kim, lou] = await Data.of(children).bulkCreate([{ name: 'Kim' }, { name: 'Lou' }]);
      const parent = await Data.of(parents).save({});
      await Data.of(parents).setRelation(parent, 'friend', [kim]);
      await Data.of(parents).setRelation(parent, 'friends', [kim, lou]);
      const found = await sdk.fresh(sdk.reference(parents, parent.objectId), 'friend');
      assert.deepEqual([found.get('friend').className, found.get('friend').id, found.get('friend').get('name')], [children, kim, 'Kim']);
      const members = await found.relation('friends').query().ascending('name').find();
      assert.deepEqual(members.map(member => member.get('name')), ['Kim', 'Lou']);
    });

    test('what was deleted is gone', async () => {
      const store = Data.of(newTable());
      const [kept, gone] = await store.bulkCreate([{ n: 1 }, { n: 2 }]);
      await store.bulkDelete('n = 2');
      assert.equal((await sdk.fresh(sdk.reference(store.className, kept))).get('n'), 1);
      await assert.rejects(sdk.fresh(sdk.reference(store.className, gone)), { code: 101 });
    });
  });

  describe(`from ${name} to Backendless`, () => {
    const shown = async object => Data.of(object.className).findById(object.id);

    test('texts, numbers, truth and JSON', async () => {
      const table = newTable('Cross');
      const object = await sdk.make(table, { name: 'Grüße, 你好', age: 1.5, fair: true, js: { a: [1, { b: null }] }, list: [1, [2], { c: 3 }] });
      const found = await shown(object);
      const { name: text, age, fair, js, list } = found;
      assert.deepEqual({ text, age, fair, js, list }, { text: 'Grüße, 你好', age: 1.5, fair: true, js: { a: [1, { b: null }] }, list: [1, [2], { c: 3 }] });
      assert.deepEqual([found.objectId, found.created, found.updated, found.ownerId, found.___class], [object.id, object.createdAt.getTime(), null, null, table]);
      assert.equal('ACL' in found, false);
    });

    test('the time of a change', async () => {
      const object = await sdk.make(newTable('Cross'), { n: 1 });
      await object.save({ n: 2 });
      const found = await shown(object);
      assert.equal(found.updated, object.updatedAt.getTime());
      assert.ok(found.updated > found.created);
    });

    test('a date, which can be asked for and changed', async () => {
      const object = await sdk.make(newTable('Cross'), { at: AT });
      assert.equal((await shown(object)).at, AT.getTime());
      const store = Data.of(object.className);
      assert.equal(await store.getObjectCount(`at = ${AT.getTime()}`), 1);
      assert.equal(await store.getObjectCount("at after '01-Jan-2024'"), 1);
      await store.save({ objectId: object.id, at: AT.getTime() + 1 });
      assert.equal((await sdk.fresh(object)).get('at').getTime(), AT.getTime() + 1);
    });

    test('a point', async () => {
      const object = await sdk.make(newTable('Cross'), { place: new GeoPoint(40.5, -30.25) });
      const { place } = await shown(object);
      assert.ok(place instanceof Point);
      assert.deepEqual([place.getLatitude(), place.getLongitude()], [40.5, -30.25]);
      assert.equal(await Data.of(object.className).getObjectCount('GetLat(place) > 40'), 1);
    });

    test('a file is its address', async () => {
      const file =
        sdk === parse
          ? Parse.File.fromJSON({ __type: 'File', name: 'a.txt', url: 'http://files.example/a.txt' })
          : { __type: 'File', objectId: '5a0000000000000000000002', name: 'a.txt', url: 'http://files.example/a.txt' };
      const object = await sdk.make(newTable('Cross'), { file });
      assert.equal((await shown(object)).file, 'http://files.example/a.txt');
    });

    test('a pointer is a relation of one', async () => {
      const item = await sdk.make(newTable('Item'), { name: 'sword' });
      const object = await sdk.make(newTable('Cross'), { item });
      const store = Data.of(object.className);
      assert.equal('item' in (await shown(object)), false);
      const found = await store.findById(object.id, query({ related: ['item'] }));
      assert.deepEqual([found.item.name, found.item.___class, found.item.objectId], ['sword', item.className, item.id]);
      assert.equal(await store.getObjectCount("item.name = 'sword'"), 1);
      const other = await Data.of(item.className).save({ name: 'shield' });
      await store.setRelation(object.id, 'item', [other]);
      assert.equal((await sdk.fresh(object, 'item')).get('item').get('name'), 'shield');
    });

    test('a relation is one of several', async () => {
      const [sword, shield] = await sdk.makeAll(newTable('Item'), [{ name: 'sword' }, { name: 'shield' }]);
      const object = await sdk.make(newTable('Cross'), { n: 1 });
      object.relation('items').add(sword);
      await object.save();
      const store = Data.of(object.className);
      assert.deepEqual((await store.findById(object.id, query({ related: ['items'] }))).items.map(({ name: text }) => text), ['sword']);
      assert.equal(await store.addRelation(object.id, 'items', [shield.id]), 1);
      const members = await object.relation('items').query().ascending('name').find();
      assert.deepEqual(members.map(member => member.get('name')), ['shield', 'sword']);
    });

    test('one transaction changes what another dialect made', async () => {
      const object = await sdk.make(newTable('Cross'), { n: 1, item: await sdk.make(newTable('Item'), { name: 'sword' }) });
      const unit = new Backendless.UnitOfWork();
      unit.update(object.className, { objectId: object.id, n: new Backendless.Expression('n + 1') });
      unit.deleteRelation(object.className, object.id, 'item', '1=1');
      assert.equal((await unit.execute()).isSuccess(), true);
      const found = await sdk.fresh(object);
      assert.deepEqual([found.get('n'), found.has('item')], [2, false]);
    });

    // what this wire has no word for. Each is refused by the field's name, and can be left out of what is asked for
    const item = () => sdk.make(newTable('Item'), { name: 'sword' });
    const REFUSED = {
      'a pointer inside JSON': async () => ({ item: await item() }),
      'a pointer in a list': async () => [await item()],
      'a date inside JSON': async () => ({ at: AT }),
    };
    for (const [title, make] of Object.entries(REFUSED)) {
      test(`${title}: it is told as it is, or refused`, async () => {
        const object = await sdk.make(newTable('Cross'), { n: 1, value: await make() });
        const store = Data.of(object.className);
        if (title.startsWith('a date')) {
          assert.deepEqual((await shown(object)).value, { at: AT.getTime() });
          return;
        }
        await fails(store.findById(object.id), 8006, /^value: /);
        await fails(store.find(), 8006, /^value: /);
        assert.equal((await store.findFirst(query({ properties: ['n'] }))).n, 1);
        assert.equal((await store.find(query().excludeProperty('value')))[0].n, 1);
      });
    }

    test('an object that not everybody may read is not there for those who may not', async () => {
      const acl = new (dateOf(sdk).ACL)();
      const object = await sdk.make(newTable('Cross'), { n: 1, ACL: acl });
      await fails(shown(object), 1000);
      assert.deepEqual(await Data.of(object.className).find(), []);
      assert.equal(await Data.of(object.className).bulkDelete('n = 1'), 0);
    });
  });
}

test('a polygon, between Parse and Backendless', async () => {
  const ring = [[0, 0], [0, 10], [10, 10], [10, 0], [0, 0]]; // latitude first
  const object = await parse.make(newTable('Cross'), { area: new Parse.Polygon(ring) });
  const { area } = await Data.of(object.className).findById(object.id);
  assert.ok(area instanceof Polygon);
  assert.deepEqual(area.asGeoJSON().coordinates, [ring.map(([latitude, longitude]) => [longitude, latitude])]);
  const saved = await Data.of(object.className).save({ area: 'POLYGON((0 0,20 0,20 10,0 10,0 0))' });
  const found = await parse.fresh(parse.reference(object.className, saved.objectId));
  assert.deepEqual(found.get('area').coordinates, [[0, 0], [0, 20], [10, 20], [10, 0], [0, 0]]);
});

test('bytes, which Backendless has no word for, are refused by their name', async () => {
  const object = await parse.make(newTable('Cross'), { raw: { __type: 'Bytes', base64: 'VGVzdA==' }, n: 1 });
  await fails(Data.of(object.className).findById(object.id), 8006, /^raw: /);
  assert.equal((await Data.of(object.className).findFirst(query({ properties: ['n'] }))).n, 1);
});

test('an object’s owner is told to Backendless, whoever made it', async () => {
  const user = await parse.signUp();
  const object = new Parse.Object(newTable('Cross'), { n: 1 });
  await object.save(null, parse.as(user));
  assert.equal((await Data.of(object.className).findById(object.id)).ownerId, user.id);
  const { sdk, user: member } = await loggedIn();
  const saved = await sdk.Data.of(object.className).save({ n: 2 });
  assert.equal(saved.ownerId, member.objectId);
  assert.equal((await parse.fresh(parse.reference(object.className, saved.objectId))).get('n'), 2);
});

test('columns that a dialect makes are those of all', async () => {
  const table = newTable('Cross');
  const item = await parse.make(newTable('Item'), { n: 1 });
  const raw = { __type: 'Bytes', base64: 'VGVzdA==' };
  const object = await parse.make(table, { text: 'a', at: AT, item, list: [1], js: { a: 1 }, raw });
  object.relation('items').add(item);
  await object.save();
  const types = Object.fromEntries((await Backendless.Data.describe(table)).map(column => [column.name, column.type]));
  assert.deepEqual(
    ['text', 'at', 'item', 'items', 'list', 'js', 'raw'].map(name => types[name]),
    ['STRING', 'DATETIME', 'RELATION', 'RELATION_LIST', 'JSON', 'JSON', 'UNKNOWN']
  );
  await fails(Data.of(table).save({ text: 5 }), 1002, /text/);
  await fails(Data.of(table).save({ at: 'never' }), 1002, /at/);
  await fails(Data.of(table).save({ list: { a: 1 } }), 1002, /list/); // to Parse and LeanCloud it holds lists only
  await fails(Data.of(table).save({ raw: 'VGVzdA==' }), 1002, /raw/);
  await assert.rejects(parse.make(table, { at: 5 }), { code: 111 });
  assert.equal(await Data.of(table).getObjectCount(), 1);
});

test('a list in a column of JSON is a list to all', async () => {
  const table = await makeTable({ js: 'JSON' });
  const saved = await Data.of(table).save({ js: [1, { a: 2 }] });
  for (const sdk of Object.values(OTHERS)) {
    const found = await sdk.fresh(sdk.reference(table, saved.objectId));
    assert.deepEqual(found.get('js'), [1, { a: 2 }]);
    await found.save({ other: 'text' });
    assert.deepEqual((await sdk.fresh(found)).get('js'), [1, { a: 2 }]);
  }
});
