// Every type of value, alone and nested: what was saved comes back. LeanCloud and its SDKs on the wire

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith, range } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { AV, fresh, make, makeAll, reference, send } from './sdk.mjs';

const bytes = { __type: 'Bytes', base64: 'VGhpcyBpcyBhIHRlc3Q=' };
const deep = range(40).reduce((inner, n) => (n % 2 ? { inner } : [inner]), 'bottom');

const PLAIN = {
  'a text': 'hello',
  'an empty text': '',
  'a text with quotes, backslashes and white space': ' a "quoted" \'text\' \\ and \\n\t\r\n ',
  'a text in several scripts': 'Grüße, 你好, Привет, שלום',
  'a text with emoji': '👩‍👩‍👧‍👦 🇨🇳 😀',
  'a text with line separators and control characters': 'a\u2028b\u2029c\u0001\u001f\u007f',
  'a text that looks like a date': '2024-01-02T03:04:05.678Z',
  'a long text': 'ab😀'.repeat(30_000),
  zero: 0,
  'a negative number': -17,
  'a fraction': 0.1,
  'the largest safe integer': Number.MAX_SAFE_INTEGER,
  'an integer of 64 bits and more': 123456789012345680000,
  'a large number': 1.7976931348623157e308,
  'a small number': 5e-324,
  true: true,
  false: false,
  'an empty list': [],
  'a list': [1, 'two', 3.5, true, [4, []], { five: 6 }],
  'a list with null': [1, null, 'x'],
  'an empty object': {},
  'an object': { a: 1, b: 'two', c: [1, 2], d: { e: { f: true } }, g: null },
  'an object with unusual keys': { 'a b': 1, ключ: 2, "it's": 3, 'quo"te': 4, 'back\\slash': 5, '😀': 6 },
  'a deep object': deep,
  bytes,
  'bytes in an object and a list': { raw: bytes, list: [bytes] },
};

for (const [title, value] of Object.entries(PLAIN)) {
  test(`${title} comes back as it was saved`, async () => {
    const object = await make(newClass('Value'), { value });
    assert.deepEqual((await fresh(object)).get('value'), value);
    const [found] = await new AV.Query(object.className).find();
    assert.deepEqual(found.get('value'), value);
  });
}

const DATES = {
  'with milliseconds': new Date('2024-01-02T03:04:05.678Z'),
  'without milliseconds': new Date('2024-01-02T03:04:05.000Z'),
  'before 1970': new Date('1815-12-10T00:00:00.001Z'),
  'in the year 9999': new Date('9999-12-31T23:59:59.999Z'),
};

for (const [title, date] of Object.entries(DATES)) {
  test(`a date ${title} comes back as a Date`, async () => {
    const found = await fresh(await make(newClass('Value'), { date, o: { date }, list: [date, [date]] }));
    assert.ok(found.get('date') instanceof Date);
    assert.deepEqual([found.get('date'), found.get('o'), found.get('list')], [date, { date }, [date, [date]]]);
  });
}

test('null can be written, and reads back as no value', async () => {
  const found = await fresh(await make(newClass('Value'), { nothing: null, something: 1 }));
  assert.equal(found.has('nothing'), false);
  assert.equal(found.get('something'), 1);
});

test('null takes the place of a value', async () => {
  const object = await make(newClass('Value'), { a: 'x', n: 1 });
  await object.save({ a: null });
  const found = await fresh(object);
  assert.deepEqual([found.has('a'), found.get('n')], [false, 1]);
});

test('a GeoPoint comes back as one', async () => {
  const point = new AV.GeoPoint(40.0, -30.123456789);
  const found = await fresh(await make(newClass('Value'), { point, o: { point }, list: [point] }));
  for (const each of [found.get('point'), found.get('o').point, found.get('list')[0]]) {
    assert.ok(each instanceof AV.GeoPoint);
    assert.deepEqual([each.latitude, each.longitude], [40, -30.123456789]);
  }
});

test('a pointer comes back as an object without data', async () => {
  const item = await make(newClass('Item'), { name: 'sword' });
  const pointer = (await fresh(await make(newClass('Value'), { item }))).get('item');
  assert.ok(pointer instanceof AV.Object);
  assert.deepEqual([pointer.className, pointer.id, pointer.attributes], [item.className, item.id, {}]);
  assert.equal((await pointer.fetch()).get('name'), 'sword');
});

test('pointers in lists and objects come back at any depth', async () => {
  const item = await make(newClass('Item'));
  const found = await fresh(await make(newClass('Value'), { list: [item, { item }], o: { a: { item, list: [item] } } }));
  const pointers = [found.get('list')[0], found.get('list')[1].item, found.get('o').a.item, found.get('o').a.list[0]];
  for (const pointer of pointers) {
    assert.ok(pointer instanceof AV.Object);
    assert.deepEqual([pointer.className, pointer.id], [item.className, item.id]);
  }
});

test('a pointer may point to an object, and a class, that do not exist', async () => {
  const nobody = reference(newClass('Nobody'), '5a0000000000000000000000');
  const found = await fresh(await make(newClass('Value'), { nobody }));
  assert.deepEqual([found.get('nobody').className, found.get('nobody').id], [nobody.className, nobody.id]);
});

test('a file that was uploaded before comes back with id, name and url', async () => {
  const json = { __type: 'File', objectId: '5a0000000000000000000001', name: 'hello.txt', url: 'http://files.example/hello.txt' };
  const object = await make(newClass('Value'), { file: json, list: [json] });
  for (const file of [(await fresh(object)).get('file'), (await fresh(object)).get('list')[0]]) {
    assert.ok(file instanceof AV.File);
    assert.deepEqual([file.id, file.name(), file.url()], ['5a0000000000000000000001', 'hello.txt', 'http://files.example/hello.txt']);
  }
});

test('objects are found by a file, of which only the id counts', async () => {
  const file = name => ({ __type: 'File', objectId: '5a0000000000000000000001', name, url: `http://files.example/${name}` });
  const object = await make(newClass('Value'), { file: file('a.txt') });
  const found = await new AV.Query(object.className).equalTo('file', object.get('file')).find();
  assert.deepEqual(found.map(each => each.id), [object.id]);
  const where = { file: { __type: 'File', id: '5a0000000000000000000001' } };
  const { results } = await send('GET', `/classes/${object.className}`, { query: { where } });
  assert.equal(results.length, 1);
});

test('a relation field shows on every object of the class', async () => {
  const member = await make(newClass('Member'));
  const [owner, other] = await makeAll(newClass('Owner'), [{ name: 'owner' }, { name: 'other' }]);
  owner.relation('members').add(member);
  await owner.save();
  for (const object of [await fresh(owner), await fresh(other)]) {
    assert.ok(object.get('members') instanceof AV.Relation);
    assert.equal(object.get('members').targetClassName, member.className);
  }
});

test('the encodings on the wire are those of LeanCloud', async () => {
  const item = await make(newClass('Item'));
  const object = await make(newClass('Value'), {
    date: new Date('2024-01-02T03:04:05.678Z'),
    point: new AV.GeoPoint(1, 2),
    item,
    bytes,
    o: { date: new Date(0), item },
    list: [1, [2]],
  });
  const pointer = { __type: 'Pointer', className: item.className, objectId: item.id };
  const { results } = await send('GET', `/classes/${object.className}`);
  assert.deepEqual(results, [{
    objectId: object.id,
    createdAt: object.createdAt.toJSON(),
    updatedAt: object.updatedAt.toJSON(),
    date: { __type: 'Date', iso: '2024-01-02T03:04:05.678Z' },
    point: { __type: 'GeoPoint', latitude: 1, longitude: 2 },
    item: pointer,
    bytes,
    o: { date: { __type: 'Date', iso: '1970-01-01T00:00:00.000Z' }, item: pointer },
    list: [1, [2]],
  }]);
});

const MISMATCHES = {
  'a text where numbers are': [{ v: 1 }, { v: 'one' }],
  'a number where texts are': [{ v: 'one' }, { v: 1 }],
  'a list where texts are': [{ v: 'one' }, { v: ['one'] }],
  'a text where dates are': [{ v: new Date(0) }, { v: '1970-01-01T00:00:00.000Z' }],
  'an object where lists are': [{ v: [1] }, { v: { a: 1 } }],
  'a pointer to another class': [{ v: reference('Item', 'aaaaaaaaaa') }, { v: reference('Thing', 'aaaaaaaaaa') }],
};

for (const [title, [first, second]] of Object.entries(MISMATCHES)) {
  test(`${title} is 111, in a create and in an update`, async () => {
    const object = await make(newClass('Typed'), first);
    await failsWith(111, make(object.className, second));
    await failsWith(111, reference(object.className, object.id).save(second));
    assert.equal(await new AV.Query(object.className).count(), 1);
  });
}

for (const key of ['$inc', 'a.b']) {
  test(`a key like ${key} inside an object is 121`, async () => {
    await failsWith(121, make(newClass('Bad'), { o: { deep: { [key]: 1 } } }));
  });
}

for (const name of ['bad-name', 'invalid?', '$where', 'with space']) {
  test(`a field called "${name}" is 105`, async () => {
    await failsWith(105, make(newClass('Bad'), { [name]: 1 }));
  });
}
