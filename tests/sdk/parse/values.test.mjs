// Every type of value, alone and nested: what was saved comes back. Parse Server and its SDKs on the wire

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith, range } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { fresh, make, makeAll, Parse, reference, send } from './sdk.mjs';

const bytes = { __type: 'Bytes', base64: 'VGhpcyBpcyBhIHRlc3Q=' };
const deep = range(40).reduce((inner, n) => (n % 2 ? { inner } : [inner]), 'bottom');

const PLAIN = {
  'a text': 'hello',
  'an empty text': '',
  'a text with white space around': '  a b\t\r\n ',
  'a text with quotes and backslashes': 'a "quoted" \'text\' \\ and \\n',
  'a text in several scripts': 'Grüße, 你好, Привет, שלום, नमस्ते',
  'a text with emoji': '👩‍👩‍👧‍👦 🇨🇳 😀',
  'a text with line separators and control characters': 'a\u2028b\u2029c\u0001\u001f\u007f',
  'a text in decomposed form': 'e\u0301',
  'a text that looks like JSON': '{"__type":"Date"}',
  'a text that looks like a date': '2024-01-02T03:04:05.678Z',
  'a text that looks like a number': '007',
  'a text that looks like SQL': "'; DROP TABLE objects; --",
  'a long text': 'ab😀'.repeat(30_000),
  zero: 0,
  'a negative number': -17,
  'a fraction': 0.1,
  'the largest safe integer': Number.MAX_SAFE_INTEGER,
  'the smallest safe integer': Number.MIN_SAFE_INTEGER,
  'an integer of 64 bits and more': 123456789012345680000,
  'the power 2^63': 2 ** 63,
  'a large number': 1.7976931348623157e308,
  'a small number': 5e-324,
  'a number with seventeen digits': 0.30000000000000004,
  true: true,
  false: false,
  'an empty list': [],
  'a list': [1, 'two', 3.5, true, false],
  'a list with null': [1, null, 'x'],
  'a list of lists': [[1, [2, []]], [[]]],
  'a list of objects': [{ a: 1 }, { a: { b: [] } }, {}],
  'an empty object': {},
  'an object': { a: 1, b: 'two', c: [1, 2], d: { e: { f: true } } },
  'an object with null': { a: null, b: { c: null } },
  'an object with unusual keys': { 'a b': 1, ключ: 2, "it's": 3, 'quo"te': 4, 'back\\slash': 5, '😀': 6, '0': 7, 'a-b': 8 },
  'an object with the names of system fields': { objectId: 'x', createdAt: 'y', updatedAt: 'z', id: 1, ACL: 2, className: 'C' },
  'a deep object': deep,
  'a long list': range(2000),
  bytes,
  'bytes in an object and a list': { raw: bytes, list: [bytes] },
};

for (const [title, value] of Object.entries(PLAIN)) {
  test(`${title} comes back as it was saved`, async () => {
    const object = await make(newClass('Value'), { value });
    assert.deepEqual(object.get('value'), value);
    assert.deepEqual((await fresh(object)).get('value'), value);
    assert.deepEqual((await reference(object.className, object.id).fetch()).get('value'), value);
  });
}

const DATES = {
  'with milliseconds': new Date('2024-01-02T03:04:05.678Z'),
  'without milliseconds': new Date('2024-01-02T03:04:05.000Z'),
  'before 1970': new Date('1815-12-10T00:00:00.001Z'),
  'at the start of 1970': new Date(0),
  'in the year 9999': new Date('9999-12-31T23:59:59.999Z'),
};

for (const [title, date] of Object.entries(DATES)) {
  test(`a date ${title} comes back as a Date`, async () => {
    const found = await fresh(await make(newClass('Value'), { date, o: { date }, list: [date, [date]] }));
    assert.ok(found.get('date') instanceof Date);
    assert.deepEqual(
      [found.get('date'), found.get('o'), found.get('list')],
      [date, { date }, [date, [date]]]
    );
  });
}

test('null can be written, and reads back as no value', async () => {
  const object = await make(newClass('Value'), { nothing: null, something: 1 });
  const found = await fresh(object);
  assert.equal(found.has('nothing'), false);
  assert.equal(found.get('something'), 1);
});

test('null takes the place of a value', async () => {
  const object = await make(newClass('Value'), { a: 'x', b: [1], n: 1 });
  await object.save({ a: null, b: null });
  const found = await fresh(object);
  assert.deepEqual([found.has('a'), found.has('b'), found.get('n')], [false, false, 1]);
});

test('a field that held null takes a value of any type', async () => {
  const object = await make(newClass('Value'), { a: null });
  await object.save({ a: 'text' });
  assert.equal((await fresh(object)).get('a'), 'text');
});

test('a GeoPoint comes back as one', async () => {
  const point = new Parse.GeoPoint(40.0, -30.123456789);
  const found = await fresh(await make(newClass('Value'), { point, o: { point }, list: [point] }));
  assert.ok(found.get('point') instanceof Parse.GeoPoint);
  assert.ok(found.get('point').equals(point));
  assert.ok(found.get('o').point.equals(point));
  assert.ok(found.get('list')[0].equals(point));
});

test('a GeoPoint at the edges of the map comes back', async () => {
  for (const [latitude, longitude] of [[90, 180], [-90, -180], [0, 0]]) {
    const found = await fresh(await make(newClass('Value'), { point: new Parse.GeoPoint(latitude, longitude) }));
    assert.deepEqual([found.get('point').latitude, found.get('point').longitude], [latitude, longitude]);
  }
});

test('a Polygon comes back closed, as latitude and longitude', async () => {
  const polygon = new Parse.Polygon([[0, 0], [0, 1], [1, 1], [1, 0]]);
  const found = await fresh(await make(newClass('Value'), { polygon }));
  assert.ok(found.get('polygon') instanceof Parse.Polygon);
  assert.deepEqual(found.get('polygon').coordinates, [[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]);
});

test('a Polygon that is closed already is left alone', async () => {
  const coordinates = [[10, 20], [10, 21], [11, 21], [10, 20]];
  const found = await fresh(await make(newClass('Value'), { polygon: new Parse.Polygon(coordinates) }));
  assert.deepEqual(found.get('polygon').coordinates, coordinates);
});

test('a pointer comes back as an object without data', async () => {
  const item = await make(newClass('Item'), { name: 'sword' });
  const found = await fresh(await make(newClass('Value'), { item }));
  const pointer = found.get('item');
  assert.ok(pointer instanceof Parse.Object);
  assert.deepEqual([pointer.className, pointer.id, pointer.isDataAvailable()], [item.className, item.id, false]);
  assert.equal((await pointer.fetch()).get('name'), 'sword');
});

test('pointers in lists and objects come back at any depth', async () => {
  const item = await make(newClass('Item'));
  const found = await fresh(await make(newClass('Value'), { list: [item, { item }], o: { a: { item, list: [item] } } }));
  const pointers = [found.get('list')[0], found.get('list')[1].item, found.get('o').a.item, found.get('o').a.list[0]];
  for (const pointer of pointers) {
    assert.ok(pointer instanceof Parse.Object);
    assert.deepEqual([pointer.className, pointer.id], [item.className, item.id]);
  }
});

test('a pointer may point to an object, and a class, that do not exist', async () => {
  const nobody = reference(newClass('Nobody'), 'nosuchid00');
  const found = await fresh(await make(newClass('Value'), { nobody }));
  assert.deepEqual([found.get('nobody').className, found.get('nobody').id], [nobody.className, 'nosuchid00']);
});

test('an object may point to itself', async () => {
  const object = await make(newClass('Value'), { name: 'me' });
  await object.save({ self: object });
  assert.equal((await fresh(object)).get('self').id, object.id);
});

test('a file that was uploaded before is kept by name, and has a url', async () => {
  const file = Parse.File.fromJSON({ __type: 'File', name: 'abc_hello.txt', url: 'http://files.example/abc_hello.txt' });
  const found = await fresh(await make(newClass('Value'), { file, list: [file] }));
  assert.ok(found.get('file') instanceof Parse.File);
  assert.equal(found.get('file').name(), 'abc_hello.txt');
  assert.match(found.get('file').url(), /^http.*abc_hello\.txt$/);
  assert.equal(found.get('list')[0].name(), 'abc_hello.txt');
});

test('a relation field shows on every object of the class', async () => {
  const member = await make(newClass('Member'));
  const [owner, other] = await makeAll(newClass('Owner'), [{ name: 'owner' }, { name: 'other' }]);
  owner.relation('members').add(member);
  await owner.save();
  for (const object of [await fresh(owner), await fresh(other)]) {
    assert.ok(object.get('members') instanceof Parse.Relation);
    assert.equal(object.get('members').targetClassName, member.className);
  }
});

test('the encodings on the wire are those of Parse', async () => {
  const item = await make(newClass('Item'));
  const object = await make(newClass('Value'), {
    date: new Date('2024-01-02T03:04:05.678Z'),
    point: new Parse.GeoPoint(1, 2),
    area: new Parse.Polygon([[0, 0], [0, 1], [1, 1]]),
    item,
    bytes,
    o: { date: new Date(0), item },
    list: [1, [2]],
  });
  const [json] = await new Parse.Query(object.className).find({ json: true });
  const pointer = { __type: 'Pointer', className: item.className, objectId: item.id };
  assert.deepEqual(json, {
    className: object.className, // put there by the SDK
    objectId: object.id,
    createdAt: object.createdAt.toJSON(),
    updatedAt: object.updatedAt.toJSON(),
    date: { __type: 'Date', iso: '2024-01-02T03:04:05.678Z' },
    point: { __type: 'GeoPoint', latitude: 1, longitude: 2 },
    area: { __type: 'Polygon', coordinates: [[0, 0], [0, 1], [1, 1], [0, 0]] },
    item: pointer,
    bytes,
    o: { date: { __type: 'Date', iso: '1970-01-01T00:00:00.000Z' }, item: pointer },
    list: [1, [2]],
  });
});

const MISMATCHES = {
  'a text where numbers are': [{ v: 1 }, { v: 'one' }],
  'a number where texts are': [{ v: 'one' }, { v: 1 }],
  'a boolean where numbers are': [{ v: 1 }, { v: true }],
  'a list where texts are': [{ v: 'one' }, { v: ['one'] }],
  'an object where lists are': [{ v: [1] }, { v: { a: 1 } }],
  'a text where dates are': [{ v: new Date(0) }, { v: '1970-01-01T00:00:00.000Z' }],
  'a date where objects are': [{ v: { a: 1 } }, { v: new Date(0) }],
  'a GeoPoint where texts are': [{ v: 'here' }, { v: new Parse.GeoPoint(1, 2) }],
  'a pointer where texts are': [{ v: 'one' }, { v: reference('Item', 'aaaaaaaaaa') }],
  'a pointer to another class': [{ v: reference('Item', 'aaaaaaaaaa') }, { v: reference('Thing', 'aaaaaaaaaa') }],
};

for (const [title, [first, second]] of Object.entries(MISMATCHES)) {
  test(`${title} is 111, in a create and in an update`, async () => {
    const object = await make(newClass('Typed'), first);
    await failsWith(Parse.Error.INCORRECT_TYPE, make(object.className, second));
    await failsWith(Parse.Error.INCORRECT_TYPE, reference(object.className, object.id).save(second));
    assert.deepEqual(await new Parse.Query(object.className).count(), 1);
  });
}

test('the type of a field is the same for all objects of a class, also after all are deleted', async () => {
  const object = await make(newClass('Typed'), { v: 1 });
  await object.destroy();
  await failsWith(Parse.Error.INCORRECT_TYPE, make(object.className, { v: 'one' }));
});

test('updatedAt cannot be written as a text', async () => {
  const object = await make(newClass('Typed'));
  const path = `classes/${object.className}/${object.id}`;
  await failsWith(Parse.Error.INCORRECT_TYPE, send('PUT', path, { updatedAt: '2024-01-02T03:04:05.678Z' }));
});

const BAD_VALUES = {
  'a date without a moment': { __type: 'Date' },
  'an unknown type': { __type: 'Bogus' },
};

for (const [title, value] of Object.entries(BAD_VALUES)) {
  test(`${title} is 111`, async () => {
    await failsWith(Parse.Error.INCORRECT_TYPE, send('POST', `classes/${newClass('Bad')}`, { value }));
  });
}

test('a date that is no date is an error of the client', async () => {
  const answer = send('POST', `classes/${newClass('Bad')}`, { value: { __type: 'Date', iso: 'yesterday' } });
  await failsWith([Parse.Error.INVALID_JSON, Parse.Error.INCORRECT_TYPE], answer);
});

for (const key of ['$inc', 'a.b']) {
  test(`a key like ${key} inside an object is 121`, async () => {
    await failsWith(Parse.Error.INVALID_NESTED_KEY, make(newClass('Bad'), { o: { deep: { [key]: 1 } } }));
  });
}

for (const name of ['bad-name', '1st', 'with space', '$where', 'ключ', 'length', 'className']) {
  test(`a field called "${name}" is 105`, async () => {
    await failsWith(Parse.Error.INVALID_KEY_NAME, send('POST', `classes/${newClass('Bad')}`, { [name]: 1 }));
  });
}
