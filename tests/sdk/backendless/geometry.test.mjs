// Points, lines and polygons, in columns of their own and in one of any geometry; and any JSON in a column of JSON.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { Backendless, fails, makeFamily, makeTable, newTable, query, send } from './sdk.mjs';

const { Data } = Backendless;
const { Point, LineString, Polygon, Geometry } = Data;

const at = ([x, y]) => new Point().setX(x).setY(y);
const SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]];
const HOLE = [[4, 4], [6, 4], [6, 6], [4, 6], [4, 4]];
const OTHER_HOLE = [[1, 1], [2, 1], [2, 2], [1, 1]];
const WKT = rings => `POLYGON(${rings.map(ring => `(${ring.map(([x, y]) => `${x} ${y}`).join(',')})`).join(',')})`;

/** As the wire has it. */
const told = (type, coordinates) => ({
  type,
  coordinates,
  srsId: 4326,
  ___class: `com.backendless.persistence.${type}`,
});

const onTheWire = (store, { objectId }) => send('get', `/data/${store.className}/${objectId}`);

test('a line is saved as the SDK has it, as GeoJSON and as WKT, and found as the SDK has it', async () => {
  const store = Data.of(await makeTable({ route: 'LINESTRING' }));
  const points = [[-87.52, 30.45], [1.5, -2.25], [0, 0]];
  const forms = [
    new LineString(points.map(at)),
    { type: 'LineString', coordinates: points },
    'LINESTRING(-87.52 30.45, 1.5 -2.25, 0 0)',
    Geometry.fromWKT('LINESTRING (-87.52 30.45, 1.5 -2.25, 0 0)'),
  ];
  for (const route of forms) {
    const saved = await store.save({ route });
    for (const found of [saved, await store.findById(saved.objectId)]) {
      assert.ok(found.route instanceof LineString);
      assert.deepEqual(found.route.asGeoJSON(), { type: 'LineString', coordinates: points });
      assert.deepEqual(found.route.getPoints().map(point => [point.getX(), point.getY()]), points);
    }
    assert.deepEqual((await onTheWire(store, saved)).route, told('LineString', points));
  }
});

for (const [title, rings] of Object.entries({ 'no hole': [SQUARE], 'one hole': [SQUARE, HOLE], 'two holes': [SQUARE, HOLE, OTHER_HOLE] })) {
  test(`a polygon with ${title} is saved as the SDK has it, as GeoJSON and as WKT`, async () => {
    const store = Data.of(await makeTable({ area: 'POLYGON' }));
    const [outer, ...holes] = rings.map(ring => new LineString(ring.map(at)));
    const forms = [new Polygon(outer, holes), { type: 'Polygon', coordinates: rings }, WKT(rings), Geometry.fromWKT(WKT(rings))];
    for (const area of forms) {
      const saved = await store.save({ area });
      for (const found of [saved, await store.findById(saved.objectId)]) {
        assert.ok(found.area instanceof Polygon);
        assert.deepEqual(found.area.asGeoJSON(), { type: 'Polygon', coordinates: rings });
        assert.equal(found.area.getHoles().length, holes.length);
      }
      assert.deepEqual((await onTheWire(store, saved)).area, told('Polygon', rings));
    }
  });
}

test('a column of any geometry holds each of the three, and what was found can be saved', async () => {
  const store = Data.of(await makeTable({ shape: 'GEOMETRY', name: 'STRING' }));
  const shapes = { Point: [1, 2], LineString: [[1, 2], [3, 4]], Polygon: [SQUARE, HOLE] };
  for (const [type, coordinates] of Object.entries(shapes)) {
    const saved = await store.save({ name: type, shape: { type, coordinates } });
    assert.deepEqual((await onTheWire(store, saved)).shape, told(type, coordinates));
    const again = await store.save(await store.findById(saved.objectId));
    assert.deepEqual(again.shape.asGeoJSON(), { type, coordinates });
  }
  const { objectId } = await store.save({ shape: 'POINT(5 6)' });
  assert.equal((await store.save({ objectId, shape: 'LINESTRING(5 6, 7 8)' })).shape.asWKT(), 'LINESTRING(5 6,7 8)');
  assert.equal((await store.save({ objectId, shape: null })).shape, null);
  assert.equal(await store.getObjectCount("Within(shape, 'POLYGON((0 0, 3 0, 3 3, 0 3, 0 0))') = true"), 1);
  await fails(store.save({ objectId, shape: 'no shape' }), 1002);
});

test('a line that was saved first makes its column', async () => {
  const table = newTable();
  await Data.of(table).save({ route: new LineString([at([1, 2]), at([3, 4])]) });
  const column = (await Data.describe(table)).find(({ name }) => name === 'route');
  assert.equal(column.type, 'LINESTRING');
});

test('many at once, in JSON and in a unit of work', async () => {
  const table = await makeTable({ route: 'LINESTRING', area: 'POLYGON', js: 'JSON' });
  const store = Data.of(table);
  const [id] = await store.bulkCreate([{ route: 'LINESTRING(1 2, 3 4)', area: WKT([SQUARE, HOLE]) }]);
  assert.equal((await store.findById(id)).area.getHoles().length, 1);
  await store.bulkUpdate('area is not null', { route: { type: 'LineString', coordinates: [[0, 0], [9, 9]] } });
  assert.deepEqual((await store.findById(id)).route.asGeoJSON().coordinates, [[0, 0], [9, 9]]);
  const line = { type: 'LineString', coordinates: [[1, 2], [3, 4]] };
  assert.deepEqual((await onTheWire(store, await store.save({ js: line }))).js, line);
  const unit = new Backendless.UnitOfWork();
  unit.create(table, { area: { type: 'Polygon', coordinates: [SQUARE, OTHER_HOLE] } });
  const { success, results } = await unit.execute();
  assert.ok(success);
  const [made] = Object.values(results);
  assert.deepEqual(made.result.area.coordinates ?? made.result.area.asGeoJSON().coordinates, [SQUARE, OTHER_HOLE]);
});

test('what has a hole has nothing in it there', async () => {
  const store = Data.of(await makeTable({ name: 'STRING', place: 'POINT', area: 'POLYGON' }));
  const ring = WKT([SQUARE]);
  const cheese = WKT([SQUARE, HOLE]);
  for (const [name, place] of Object.entries({ in: [2, 8], hole: [5, 5], edge: [4, 5], out: [20, 5] })) {
    await store.save({ name, place: at(place), area: name === 'in' ? ring : cheese });
  }
  const names = async where => (await store.find(query({ whereClause: where, sortBy: 'name' }))).map(({ name }) => name);
  assert.deepEqual(await names(`Within(place, '${ring}') = true`), ['edge', 'hole', 'in']);
  assert.deepEqual(await names(`Within(place, '${cheese}') = true`), ['edge', 'in']);
  assert.deepEqual(await names(`Within(place, '${cheese}') = false`), ['hole', 'out']);
  assert.deepEqual(await names("Contains(area, 'POINT(5 5)') = true"), ['in']);
  assert.deepEqual(await names("Contains(area, 'POINT(2 8)') = true"), ['edge', 'hole', 'in', 'out']);
  assert.deepEqual(await names("Intersects(area, 'POINT(5 5)') = true"), ['in']);
  assert.deepEqual(await names(`area = '${cheese}'`), ['edge', 'hole', 'out']);
  await fails(names("Within(area, 'LINESTRING(1 2, 3 4)') = true"), 8006, /Within/);
});

test('what is no geometry that can be held is refused', async () => {
  const store = Data.of(await makeTable({ place: 'POINT', route: 'LINESTRING', area: 'POLYGON' }));
  const route = coordinates => store.save({ route: { type: 'LineString', coordinates } });
  await fails(route([[1, 2]]), 1003, /two points or more/);
  await fails(route([[1, 2], [500, 0]]), 1003, /no place/);
  await fails(store.save({ route: { type: 'LineString', coordinates: [[1, 2], [3, 4]], srsId: 3857 } }), 8006, /3857/);
  await fails(store.save({ area: { type: 'Polygon', coordinates: [SQUARE, HOLE.slice(1)] } }), 1003, /four points or more/);
  await fails(store.save({ area: { type: 'MultiPolygon', coordinates: [[SQUARE]] } }), 8006, /MultiPolygon/);
  for (const [column, value] of [['place', 'LINESTRING(1 2, 3 4)'], ['route', 'POINT(1 2)'], ['area', 'LINESTRING(1 2, 3 4)'], ['route', 'x']]) {
    await fails(store.save({ [column]: value }), 1002);
  }
  assert.equal(await store.getObjectCount(), 0);
});

for (const value of ['a text', 5, -0.5, true, [1, [2, {}]], [], { a: 1 }]) {
  test(`a column of JSON holds ${JSON.stringify(value)}`, async () => {
    const store = Data.of(await makeTable({ js: 'JSON' }));
    const saved = await store.save({ js: value });
    assert.deepEqual(saved.js, value);
    assert.deepEqual((await store.findById(saved.objectId)).js, value);
    assert.equal(await store.getObjectCount('js is not null'), 1);
    const set = Backendless.JSONUpdateBuilder.SET().addArgument('$', { a: [value] });
    assert.deepEqual((await store.save({ objectId: saved.objectId, js: set })).js, { a: [value] });
    const back = Backendless.JSONUpdateBuilder.SET().addArgument('$', value);
    assert.deepEqual((await store.save({ objectId: saved.objectId, js: back })).js, value);
  });
}

describe('values that are computed of one object', () => {
  let Parents;
  let parent;
  before(async () => {
    const family = await makeFamily({ name: 'STRING', age: 'INT', js: 'JSON' });
    Parents = family.Parents;
    const children = await family.Children.bulkCreate([{ name: 'Jack', age: 5 }, { name: 'Eve', age: 7 }]);
    parent = await Parents.save({ name: 'Bob', age: 40, js: { deep: [1, 'two'] } });
    await Parents.setRelation(parent, 'friend', [children[0]]);
    await Parents.setRelation(parent, 'friends', children);
  });

  const shown = ({ ___class, ...object }) => object;

  test('findById', async () => {
    const properties = ['name as Called', "js->'$.deep[1]' as two", 'friend.name as friendName', 'TIME(created)'];
    const { Time, ...found } = shown(await Parents.findById(parent.objectId, query({ properties })));
    assert.deepEqual(found, { Called: 'Bob', two: 'two', friendName: 'Jack' });
    assert.match(Time, /^\d\d:\d\d:\d\d$/);
    const whole = await Parents.findById(parent.objectId, query({ properties: ['*', 'age as years'] }));
    assert.deepEqual([whole.years, whole.age, whole.objectId], [40, 40, parent.objectId]);
  });

  test('what has no one value for an object, or no column, is refused', async () => {
    const byId = properties => Parents.findById(parent.objectId, query({ properties }));
    await fails(byId(['Count(objectId)']), 1017);
    await fails(byId(['friends.name as n']), 1017);
    await fails(byId(['nothing as n']), 1054);
    await fails(Parents.findById('nobody', query({ properties: ['age as n'] })), 1000, 'Entity with ID nobody not found');
  });

  test('loadRelations', async () => {
    const load = async (column, ...properties) => {
      const builder = Backendless.LoadRelationsQueryBuilder.create().setRelationName(column).setProperties(properties);
      const found = await Parents.loadRelations(parent.objectId, builder);
      return Array.isArray(found) ? found.map(shown) : shown(found);
    };
    const children = await load('friends', 'name as Called', 'age');
    assert.deepEqual(children.sort((one, other) => one.age - other.age), [{ Called: 'Jack', age: 5 }, { Called: 'Eve', age: 7 }]);
    assert.deepEqual(await load('friend', 'age as years'), { years: 5 });
    assert.deepEqual(await load('friends', 'Count(objectId) as total'), [{ total: 2 }]);
  });
});
