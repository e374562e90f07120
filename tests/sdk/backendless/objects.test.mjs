// What one object is made of: saved, read back, and refused with the vendor's own sentences.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Backendless, another, asServerCode, fails, loggedIn, makeTable, newEmail, newTable, query, send } from './sdk.mjs';

const { Data } = Backendless;
const { Point, Polygon, LineString, Geometry } = Data;

const unknownTable = table =>
  `Table not found by name 'Table not found by name '${table}'. Make sure the client class referenced in the API call ` +
  "has the same literal name as the table in Backendless console'";
const wrongType = column =>
  `Unable to save object - invalid data type for properties - ${column}. You can change the property type in developer console.`;

// --- saving ---

test('a new object has an id, the time when it was made, a class, and nobody as owner', async () => {
  const table = newTable();
  const before = Date.now();
  const saved = await Data.of(table).save({ name: 'Bob', age: 20, fair: true });
  assert.deepEqual(Object.keys(saved).sort(), ['___class', 'age', 'created', 'fair', 'name', 'objectId', 'ownerId', 'updated']);
  assert.deepEqual([saved.name, saved.age, saved.fair], ['Bob', 20, true]);
  assert.deepEqual([saved.___class, saved.updated, saved.ownerId], [table, null, null]);
  assert.ok(saved.created >= before - 1000 && saved.created <= Date.now() + 1000, `made at ${saved.created}`);
  assert.equal(typeof saved.objectId, 'string');
  assert.deepEqual(await Data.of(table).findById(saved.objectId), saved);
});

test('an object that has an id is changed where it says so, and nowhere else', async () => {
  const store = Data.of(newTable());
  const made = await store.save({ name: 'Bob', age: 20 });
  const saved = await store.save({ objectId: made.objectId, name: 'Jack' });
  assert.deepEqual([saved.name, saved.age, saved.created], ['Jack', 20, made.created]);
  assert.ok(saved.updated > saved.created);
  assert.deepEqual(await store.findById(made.objectId), saved);
});

test('what was found can be saved as it is', async () => {
  const store = Data.of(newTable());
  const found = await store.findById((await store.save({ name: 'Bob', age: 20 })).objectId);
  const saved = await store.save({ ...found, age: 21 });
  assert.deepEqual([saved.objectId, saved.name, saved.age, saved.created], [found.objectId, 'Bob', 21, found.created]);
});

test('what the server sets itself cannot be set', async () => {
  const store = Data.of(newTable());
  const saved = await store.save({ name: 'Bob', created: 1, updated: 2, ownerId: 'me', ___class: 'Other' });
  assert.deepEqual([saved.updated, saved.ownerId, saved.___class], [null, null, store.className]);
  assert.ok(saved.created > 1);
});

test('the owner is who was logged in when it was made, whoever changes it', async () => {
  const { sdk, user } = await loggedIn();
  const table = newTable();
  const saved = await sdk.Data.of(table).save({ name: 'mine' });
  assert.equal(saved.ownerId, user.objectId);
  const changed = await Data.of(table).save({ objectId: saved.objectId, name: 'still' });
  assert.equal(changed.ownerId, user.objectId);
});

test('an object of an id that nobody has is not found', async () => {
  const store = Data.of(newTable());
  await store.save({ name: 'Bob' });
  await fails(store.save({ objectId: 'nobody', name: 'Jack' }), 1000, 'Entity with ID nobody not found');
  await fails(store.findById('nobody'), 1000, 'Entity with ID nobody not found');
  await fails(store.remove('nobody'), 1000, 'Entity with ID nobody not found');
});

test('a table of a name that nobody has is not found', async () => {
  const table = newTable();
  const store = Data.of(table);
  for (const call of [
    () => store.find(),
    () => store.findById('1'),
    () => store.findFirst(),
    () => store.getObjectCount(),
    () => store.remove('1'),
    () => store.save({ objectId: '1', name: 'Bob' }),
    () => store.bulkUpdate('1=1', { name: 'Bob' }),
    () => store.bulkDelete('1=1'),
    () => store.setRelation('1', 'friends', ['2']),
    () => store.loadRelations('1', { relationName: 'friends' }),
    () => Backendless.Data.describe(table),
  ]) {
    await fails(call(), 1009, unknownTable(table));
  }
});

test('an upsert makes an object with the id that it says, and changes it the second time', async () => {
  const store = Data.of(newTable());
  const made = await store.save({ objectId: 'of-my-own', name: 'Bob', age: 1 }, true);
  assert.deepEqual([made.objectId, made.name, made.updated], ['of-my-own', 'Bob', null]);
  const changed = await store.save({ objectId: 'of-my-own', name: 'Jack' }, true);
  assert.deepEqual([changed.name, changed.age, changed.created], ['Jack', 1, made.created]);
  assert.ok(changed.updated > made.created);
  assert.equal(await store.getObjectCount(), 1);
});

test('an upsert without an id makes an object', async () => {
  const store = Data.of(newTable());
  const [one, other] = [await store.save({ n: 1 }, true), await store.save({ n: 1 }, true)];
  assert.notEqual(one.objectId, other.objectId);
});

test('an id can be a number for the SDK, and is a text', async () => {
  const store = Data.of(newTable());
  const made = await store.save({ objectId: 7, n: 1 }, true);
  assert.equal(made.objectId, '7');
  assert.equal((await store.findById(7)).n, 1);
});

test('what was removed tells when, and is gone', async () => {
  const store = Data.of(newTable());
  const saved = await store.save({ n: 1 });
  const { deletionTime } = await store.remove(saved);
  assert.ok(Math.abs(deletionTime - Date.now()) < 60_000);
  await fails(store.findById(saved.objectId), 1000);
});

test('instances of a class are saved in the table of its name, and found as such', async () => {
  const table = newTable('Person');
  const Person = { [table]: class { hello() { return `I am ${this.name}`; } } }[table];
  const bob = new Person();
  bob.name = 'Bob';
  const saved = await Data.of(Person).save(bob);
  assert.ok(saved instanceof Person);
  assert.equal(saved.___class, table);
  const [found] = await Data.of(Person).find();
  assert.ok(found instanceof Person);
  assert.equal(found.hello(), 'I am Bob');
  assert.ok((await Backendless.Persistence.of(Person).findById(saved.objectId)) instanceof Person);
});

test('an object that is sent twice in one body is sent once, and repeated', async () => {
  const store = Data.of(await makeTable({ one: 'JSON', other: 'JSON' }));
  const same = { a: 1 };
  const saved = await store.save({ one: same, other: same });
  assert.deepEqual([saved.one, saved.other], [{ a: 1 }, { a: 1 }]);
});

test('the REST guide and Swift make with POST, and change with PUT of the id', async () => {
  const table = newTable();
  const made = await send('post', `/data/${table}`, { name: 'Bob' });
  const changed = await send('put', `/data/${table}/${made.objectId}`, { name: 'Jack' });
  assert.deepEqual([changed.objectId, changed.name], [made.objectId, 'Jack']);
  await fails(send('put', `/data/${table}/nobody`, { name: 'Jack' }), 1000, 'Entity with ID nobody not found');
});

// --- columns ---

test('columns that are missing are made, of the kind of the value, but for a null', async () => {
  const table = newTable();
  const store = Data.of(table);
  await store.save({ text: 'a', number: 1, truth: true, nothing: null });
  const types = Object.fromEntries((await Data.describe(table)).map(({ name, type }) => [name, type]));
  assert.deepEqual([types.text, types.number, types.truth, types.nothing], ['STRING', 'DOUBLE', 'BOOLEAN', undefined]);
});

test('every column is there, as null where it has no value', async () => {
  const store = Data.of(await makeTable({ name: 'STRING', age: 'INT', at: 'DATETIME', js: 'JSON', place: 'POINT', fair: 'BOOLEAN' }));
  const saved = await store.save({ name: 'Bob' });
  const { name, age, at, js, place, fair } = saved;
  assert.deepEqual({ name, age, at, js, place, fair }, { name: 'Bob', age: null, at: null, js: null, place: null, fair: null });
  assert.deepEqual(await store.find(), [saved]);
});

test('null takes a value away', async () => {
  const store = Data.of(newTable());
  const saved = await store.save({ name: 'Bob', age: 20 });
  const changed = await store.save({ objectId: saved.objectId, age: null });
  assert.deepEqual([changed.name, changed.age], ['Bob', null]);
});

for (const [type, wrong] of Object.entries({ INT: 'text', DOUBLE: 'text', BOOLEAN: 'text', STRING: 5 })) {
  test(`${JSON.stringify(wrong)} is no value of a column of type ${type}`, async () => {
    const store = Data.of(await makeTable({ price: type }));
    await fails(store.save({ price: wrong }), 1002, wrongType('price'));
    assert.equal(await store.getObjectCount(), 0);
  });
}

test('what stands inside JSON keeps its kind', async () => {
  const store = Data.of(await makeTable({ js: 'JSON' }));
  const value = { text: 'a', list: [1, [2, { b: null }]], 'odd key.': true, nothing: null, '': 0 };
  assert.deepEqual((await store.save({ js: value })).js, value);
  assert.deepEqual((await store.findFirst()).js, value);
  const list = await store.save({ js: [1, 'two', { three: [] }] });
  assert.deepEqual((await store.findById(list.objectId)).js, [1, 'two', { three: [] }]);
});

test('lists in a column of JSON are asked for and edited like objects', async () => {
  const store = Data.of(await makeTable({ js: 'JSON', n: 'INT' }));
  const { objectId } = await store.save({ js: [5, { a: 'x' }], n: 1 });
  await store.save({ js: { a: 'y' }, n: 2 });
  assert.equal(await store.getObjectCount("js->'$[0]' = 5"), 1);
  assert.equal(await store.getObjectCount("js->'$[1].a' = 'x'"), 1);
  assert.equal(await store.getObjectCount("js->'$**.a' like '%'"), 2);
  const [row] = await store.find(query({ properties: ["js->'$[1].a' as a", 'js'], sortBy: 'n' }));
  assert.deepEqual([row.a, row.js], ['x', [5, { a: 'x' }]]);
  const append = Backendless.JSONUpdateBuilder.ARRAY_APPEND().addArgument('$', 6);
  assert.deepEqual((await store.save({ objectId, js: append })).js, [5, { a: 'x' }, 6]);
  const set = Backendless.JSONUpdateBuilder.SET().addArgument('$[0]', 7);
  assert.deepEqual((await store.save({ objectId, js: set })).js, [7, { a: 'x' }, 6]);
  assert.equal(await store.bulkUpdate('n = 2', { js: [1] }), 1);
  assert.deepEqual(await store.bulkCreate([{ objectId: 'l', js: [2] }]), ['l']);
  assert.deepEqual((await store.deepSave({ objectId: 'l', js: [3, 4] })).js, [3, 4]);
  assert.deepEqual((await store.save({ objectId: 'l', js: { a: 1 } })).js, { a: 1 });
});

test('JSON makes no column by itself', async () => {
  const table = newTable();
  await fails(Data.of(table).save({ js: { a: 1 } }), 1054, `Column 'js' does not exist in table '${table}'`);
});

test('a column or a table of a name that cannot be is refused', async () => {
  await fails(Data.of(newTable()).save({ 'a b': 1 }), 1007);
  await fails(send('put', '/data/9Lives', { a: 1 }), 1006);
});

// --- dates ---

test('a Date is milliseconds on the wire, and comes back as such', async () => {
  const store = Data.of(await makeTable({ at: 'DATETIME' }));
  const at = new Date('2024-01-02T03:04:05.678Z');
  const saved = await store.save({ at });
  assert.equal(saved.at, at.getTime());
  assert.equal((await store.findById(saved.objectId)).at, at.getTime());
});

const TEXTS = {
  '2015-03-23T10:00:00.250Z': Date.UTC(2015, 2, 23, 10, 0, 0, 250),
  'Mon Mar 23 10:00:00 GMT 2015': Date.UTC(2015, 2, 23, 10),
  '03/23/2015 10:00:00 GMT-0200': Date.UTC(2015, 2, 23, 12),
  '03/23/2015 10:30': Date.UTC(2015, 2, 23, 10, 30),
  '03/23/2015': Date.UTC(2015, 2, 23),
  '23/Mar/2015': Date.UTC(2015, 2, 23),
  '23-Mar-2015': Date.UTC(2015, 2, 23),
  'Monday, 23 March 2015': Date.UTC(2015, 2, 23),
  '2015/03/23/10:00': Date.UTC(2015, 2, 23, 10),
};

test('a date can be a text in the forms of the guide', async () => {
  const store = Data.of(await makeTable({ at: 'DATETIME' }));
  for (const [text, ms] of Object.entries(TEXTS)) {
    assert.equal((await store.save({ at: text })).at, ms, text);
  }
});

for (const wrong of ['no date', true, 1.5, '13/45/2015']) {
  test(`${JSON.stringify(wrong)} is no date`, async () => {
    const store = Data.of(await makeTable({ at: 'DATETIME' }));
    await fails(store.save({ at: wrong }), 1002, 'Invalid date format for property at');
  });
}

// --- computed values ---

const expression = text => new Backendless.Expression(text);

test('an expression is computed of the object as it was', async () => {
  const store = Data.of(newTable());
  const { objectId } = await store.save({ age: 20, height: 3, name: 'Bob' });
  assert.equal((await store.save({ objectId, age: expression('age + 1') })).age, 21);
  assert.equal((await store.save({ objectId, age: expression('(age - 1) * height / 2') })).age, 30);
  const swapped = await store.save({ objectId, age: expression('height'), height: expression('age') });
  assert.deepEqual([swapped.age, swapped.height], [3, 30]);
  assert.equal((await store.findById(objectId)).age, 3);
});

test('an expression with null is null', async () => {
  const store = Data.of(await makeTable({ a: 'INT', b: 'INT' }));
  const { objectId } = await store.save({ a: 1 });
  assert.equal((await store.save({ objectId, a: expression('a + b') })).a, null);
});

test('an expression that is none, or of what is not there, is refused', async () => {
  const table = newTable();
  const store = Data.of(table);
  const { objectId } = await store.save({ age: 20 });
  await fails(store.save({ objectId, age: expression('age +') }), 1017);
  await fails(store.save({ objectId, age: expression('nothing + 1') }), 1054, `Column 'nothing' does not exist in table '${table}'`);
  await fails(store.save({ objectId, age: expression('sleep(5)') }), 8006);
  assert.equal((await store.findById(objectId)).age, 20);
});

test('twenty increments at once are all counted', async () => {
  const store = Data.of(newTable());
  const { objectId } = await store.save({ count: 0 });
  await Promise.all(Array.from({ length: 20 }, () => store.save({ objectId, count: expression('count + 1') })));
  assert.equal((await store.findById(objectId)).count, 20);
});

// --- JSON columns ---

const JSON_VALUE = {
  letter: 'a',
  number: 10,
  decimals: [12.3, 43.28, 56.89],
  colours: ['red', 'green', 'blue'],
  status: true,
  description: 'text',
  timeMarks: { time: '12:18:29.000000', date: '2015-07-29' },
};
const { SET, INSERT, REPLACE, REMOVE, ARRAY_APPEND, ARRAY_INSERT } = Backendless.JSONUpdateBuilder;
const given = (builder, args) => Object.entries(args).reduce((made, [path, value]) => made.addArgument(path, value), builder);

// the vendor's suite has the same ones, on this value; the rest are the functions of MySQL
for (const [title, edit, expected] of [
  [
    'SET makes and replaces',
    () => given(SET(), { '$.letter': 'b', '$.number': 36, '$.state': true, '$.colours[0]': null, '$.innerObject': { a: 'b' }, '$.innerArray': [4, 3, 2] }),
    { ...JSON_VALUE, letter: 'b', number: 36, state: true, colours: [null, 'green', 'blue'], innerObject: { a: 'b' }, innerArray: [4, 3, 2] },
  ],
  [
    'INSERT only makes',
    () => given(INSERT(), { '$.decimals[2]': 20, '$.decimals[3]': 25, '$.state': 'on', '$.number': 11 }),
    { ...JSON_VALUE, decimals: [12.3, 43.28, 56.89, 25], state: 'on' },
  ],
  [
    'REPLACE only replaces',
    () => given(REPLACE(), { '$.decimals[2]': 20, '$.decimals[3]': 25, '$.state': 'on', '$.number': 11 }),
    { ...JSON_VALUE, number: 11, decimals: [12.3, 43.28, 20] },
  ],
  [
    'REMOVE takes keys and elements away',
    () => REMOVE().addArgument('$.decimals[0]').addArgument('$.timeMarks.date').addArgument('$.nothing'),
    { ...JSON_VALUE, decimals: [43.28, 56.89], timeMarks: { time: '12:18:29.000000' } },
  ],
  [
    'ARRAY_APPEND appends',
    () => given(ARRAY_APPEND(), { '$.decimals': 432.0, '$.colours': 'yellow' }),
    { ...JSON_VALUE, decimals: [12.3, 43.28, 56.89, 432], colours: ['red', 'green', 'blue', 'yellow'] },
  ],
  [
    'ARRAY_INSERT puts before',
    () => given(ARRAY_INSERT(), { '$.decimals[2]': 20, '$.decimals[3]': 25 }),
    { ...JSON_VALUE, decimals: [12.3, 43.28, 20, 25, 56.89] },
  ],
]) {
  test(`JSON: ${title}`, async () => {
    const store = Data.of(await makeTable({ js: 'JSON' }));
    const { objectId } = await store.save({ js: JSON_VALUE });
    // as a builder and as what its create() makes
    const saved = await store.save({ objectId, js: edit() });
    assert.deepEqual(saved.js, expected);
    assert.deepEqual((await store.findById(objectId)).js, expected);
    await store.save({ objectId, js: JSON_VALUE });
    assert.deepEqual((await store.save({ objectId, js: edit().create() })).js, expected);
  });
}

test('an edit of JSON that names no path, or a column of another kind, is refused', async () => {
  const store = Data.of(await makeTable({ js: 'JSON', name: 'STRING' }));
  const { objectId } = await store.save({ js: {}, name: 'Bob' });
  await assert.rejects(store.save({ objectId, js: given(SET(), { 'no path': 1 }) }));
  await fails(store.save({ objectId, name: given(SET(), { '$.a': 1 }) }), 1002, wrongType('name'));
  await fails(store.save({ objectId, nothing: given(SET(), { '$.a': 1 }) }), 1054);
});

// --- geometries ---

const SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]];

test('a point is saved as the SDK has it, as GeoJSON and as WKT, and found as the SDK has it', async () => {
  const store = Data.of(await makeTable({ place: 'POINT' }));
  const point = new Point().setLongitude(-87.52).setLatitude(30.45);
  for (const place of [point, { type: 'Point', coordinates: [-87.52, 30.45] }, 'POINT(-87.52 30.45)', 'point (-87.52 30.45)']) {
    const saved = await store.save({ place });
    for (const found of [saved, await store.findById(saved.objectId)]) {
      assert.ok(found.place instanceof Point);
      assert.deepEqual([found.place.getLongitude(), found.place.getLatitude()], [-87.52, 30.45]);
      assert.equal(found.place.asWKT(), 'POINT(-87.52 30.45)');
    }
    assert.deepEqual(await send('get', `/data/${store.className}/${saved.objectId}`).then(one => one.place), {
      type: 'Point',
      coordinates: [-87.52, 30.45],
      srsId: 4326,
      ___class: 'com.backendless.persistence.Point',
    });
  }
});

test('a polygon, too', async () => {
  const store = Data.of(await makeTable({ area: 'POLYGON' }));
  const polygon = Geometry.fromGeoJSON({ type: 'Polygon', coordinates: [SQUARE] });
  for (const area of [polygon, { type: 'Polygon', coordinates: [SQUARE] }, 'POLYGON((0 0, 10 0, 10 10, 0 10, 0 0))']) {
    const { area: found } = await store.save({ area });
    assert.ok(found instanceof Polygon);
    assert.deepEqual(found.asGeoJSON(), { type: 'Polygon', coordinates: [SQUARE] });
  }
});

test('a point that was saved first makes its column', async () => {
  const table = newTable();
  await Data.of(table).save({ place: new Point().setX(1).setY(2) });
  const column = (await Data.describe(table)).find(({ name }) => name === 'place');
  assert.equal(column.type, 'POINT');
});

test('a line, and in a column of any geometry each of them', async () => {
  const store = Data.of(await makeTable({ way: 'LINESTRING', shape: 'GEOMETRY' }));
  const line = new LineString([new Point().setX(1).setY(2), new Point().setX(3).setY(4)]);
  for (const way of [line, { type: 'LineString', coordinates: [[1, 2], [3, 4]] }, 'LINESTRING(1 2, 3 4)']) {
    const { way: found } = await store.save({ way });
    assert.ok(found instanceof LineString);
    assert.deepEqual(found.asGeoJSON(), line.asGeoJSON());
  }
  const shapes = { 'POINT(1 2)': Point, 'LINESTRING(1 2,3 4)': LineString, 'POLYGON((0 0,1 0,1 1,0 0))': Polygon };
  for (const [shape, type] of Object.entries(shapes)) {
    const saved = await store.save({ shape });
    const { shape: found } = await store.findById(saved.objectId);
    assert.ok(found instanceof type);
    assert.equal(found.asWKT(), shape);
  }
});

test('a polygon with a hole in it', async () => {
  const store = Data.of(await makeTable({ area: 'POLYGON' }));
  const hole = SQUARE.map(([x, y]) => [1 + x / 10, 1 + y / 10]);
  const { area } = await store.save({ area: { type: 'Polygon', coordinates: [SQUARE, hole] } });
  assert.deepEqual(area.asGeoJSON(), { type: 'Polygon', coordinates: [SQUARE, hole] });
});

test('what a column cannot hold is refused: another geometry, a place that is none, a text', async () => {
  const store = Data.of(await makeTable({ place: 'POINT', area: 'POLYGON' }));
  const line = new LineString([new Point().setX(1).setY(2), new Point().setX(3).setY(4)]);
  await fails(store.save({ place: line }), 1002, wrongType('place'));
  await fails(store.save({ area: 'POINT(1 2)' }), 1002, wrongType('area'));
  await fails(store.save({ place: { type: 'Point', coordinates: [500, 0] } }), 1003);
  await fails(store.save({ place: 'no point' }), 1002, wrongType('place'));
  await fails(store.save({ area: { type: 'Polygon', coordinates: [[[0, 0], [1, 1]]] } }), 1003);
  assert.equal(await store.getObjectCount(), 0);
});

test('a file is its address', async () => {
  const store = Data.of(await makeTable({ photo: 'FILE_REF' }));
  const url = 'https://files.example/app/photos/me%20and%20you.png';
  const saved = await store.save({ photo: url });
  assert.equal(saved.photo, url);
  assert.equal((await store.find(query({ whereClause: `photo = '${url}'` }))).length, 1);
});

// --- users by the same way ---

test('the table of users is one like others, but for the password', async () => {
  const { user, email } = await loggedIn({ nick: 'bo' });
  const found = await asServerCode().Data.of('Users').findById(user.objectId);
  assert.ok(found instanceof Backendless.User);
  assert.deepEqual([found.___class, found.email, found.nick], ['Users', email, 'bo']);
  assert.equal('password' in found, false);
});

test('a user who is saved in it can log in', async () => {
  const email = newEmail();
  const saved = await Data.of('Users').save({ email, password: 'secret', name: 'Bob' });
  assert.ok(saved instanceof Backendless.User);
  assert.deepEqual([saved.email, saved.name, 'password' in saved, 'user-token' in saved], [email, 'Bob', false, false]);
  const sdk = another();
  const user = await sdk.UserService.login(email, 'secret');
  assert.equal(user.objectId, saved.objectId);
  const changed = await sdk.Data.of('Users').save({ objectId: user.objectId, name: 'Jack' });
  assert.equal(changed.name, 'Jack');
  await fails(Data.of('Users').save({ objectId: user.objectId, name: 'Eve' }), 3029);
  await fails(Data.of('Users').save({ email, password: 'secret' }), 3033);
  await fails(Data.of('Users').save({ email: newEmail() }), 3011);
});
