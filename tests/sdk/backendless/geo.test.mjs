// The geo service, which the SDK dropped with generation 6: points by themselves, in categories.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import Backendless3 from 'backendless3';
import Backendless4 from 'backendless4';
import Backendless5 from 'backendless5';

import * as target from '../target.mjs';

const { appId, apiKey, serverURL } = target.backendless;

for (const [generation, sdk] of Object.entries({ 4: Backendless4, 5: Backendless5 })) {
  describe(`SDK ${generation}`, () => {
    let Geo;
    let category;
    before(async () => {
      sdk.serverURL = serverURL;
      sdk.initApp(appId, apiKey);
      Geo = sdk.Geo;
      category = target.newClass('category');
      const places = { Vienna: [48.2083, 16.3731], Graz: [47.0667, 15.4333], Linz: [48.3, 14.2833], Sydney: [-33.8678, 151.2073] };
      for (const [city, [latitude, longitude]] of Object.entries(places)) {
        await Geo.savePoint(new Geo.Point({ latitude, longitude, categories: [category], metadata: { city, austrian: city !== 'Sydney' } }));
      }
    });

    const query = settings => Object.assign(new sdk.GeoQuery(), { categories: [category] }, settings);
    const cities = points => points.map(({ metadata }) => metadata.city);
    const fails = (promise, code, message) =>
      assert.rejects(promise, error => {
        assert.equal(error.code, code, error.message);
        assert.match(error.message, message);
        return true;
      });

    test('a point is saved, and has an id then', async () => {
      const saved = await Geo.savePoint(new Geo.Point({ latitude: 1.5, longitude: -2, metadata: { a: 1 } }));
      assert.ok(saved.objectId);
      assert.deepEqual([saved.latitude, saved.longitude, saved.metadata], [1.5, -2, { a: 1 }]);
      assert.deepEqual(saved.categories, ['Default']);
      assert.deepEqual(await Geo.loadMetadata(saved), { a: 1 });
    });

    test('a point is moved, and keeps its id', async () => {
      const saved = await Geo.savePoint(new Geo.Point({ latitude: 1, longitude: 2, categories: [category + '-moved'] }));
      saved.latitude = 3;
      const moved = await Geo.savePoint(saved);
      assert.equal(moved.objectId, saved.objectId);
      assert.deepEqual([moved.latitude, moved.longitude], [3, 2]);
      assert.equal(await Geo.getGeopointCount(query({ categories: [category + '-moved'] })), 1);
    });

    test('around a place the nearest is first, with its distance in the units that were asked for', async () => {
      const around = { latitude: 48.2, longitude: 16.3, radius: 200, units: 'KILOMETERS' };
      const found = await Geo.find(query(around));
      assert.deepEqual(cities(found), ['Vienna', 'Graz', 'Linz'].filter(city => cities(found).includes(city)));
      assert.equal(found[0].metadata.city, 'Vienna');
      assert.ok(found[0].distance < 6 && found[0].distance > 5, found[0].distance);
      assert.deepEqual(new Set(cities(found)), new Set(['Vienna', 'Linz', 'Graz']));
      const miles = await Geo.find(query({ ...around, radius: 5, units: 'MILES' }));
      assert.deepEqual(cities(miles), ['Vienna']);
      assert.equal(await Geo.getGeopointCount(query(around)), 3);
    });

    test('in a rectangle', async () => {
      const found = await Geo.find(query({ searchRectangle: [49, 14, 48, 17] }));
      assert.deepEqual(cities(found).sort(), ['Linz', 'Vienna']);
      assert.equal(await Geo.getGeopointCount(query({ searchRectangle: [49, 14, 48, 17] })), 2);
    });

    test('by metadata, and a page at a time', async () => {
      assert.deepEqual(cities(await Geo.find(query({ metadata: { city: 'Linz' } }))), ['Linz']);
      const first = await Geo.find(query({ pageSize: 3 }));
      const rest = await Geo.find(query({ pageSize: 3, offset: 3 }));
      assert.deepEqual([...cities(first), ...cities(rest)].sort(), ['Graz', 'Linz', 'Sydney', 'Vienna']);
    });

    test('those that are most alike come first', async () => {
      const found = await Geo.relativeFind(
        query({ relativeFindMetadata: { city: 'Graz', austrian: true }, relativeFindPercentThreshold: 50 })
      );
      if (generation === '4') return assert.equal(found.length, 3); // this SDK makes empty points of them
      assert.deepEqual([found[0].geoPoint.metadata.city, found[0].matches], ['Graz', 100]);
      assert.deepEqual(found.slice(1).map(({ matches }) => matches), [50, 50]);
    });

    test('a point is deleted once', async () => {
      const { objectId } = await Geo.savePoint(new Geo.Point({ latitude: 1, longitude: 2 }));
      const remove = () => Geo.deletePoint(objectId);
      assert.deepEqual(await remove(), { result: true });
      assert.deepEqual(await remove(), { result: false });
    });

    test('categories are made, listed and deleted', async () => {
      const name = target.newClass('own');
      assert.deepEqual(await Geo.addCategory(name), { result: true });
      assert.deepEqual(await Geo.addCategory(name), { result: false });
      const sizes = Object.fromEntries((await Geo.getCategories()).map(({ name: own, size }) => [own, size]));
      assert.deepEqual([sizes[name], sizes[category]], [0, 4]);
      assert.deepEqual(await Geo.deleteCategory(name), { result: true });
      assert.deepEqual(await Geo.deleteCategory(name), { result: false });
    });

    test('what is out of range or asks for both ways is refused', async () => {
      await fails(Geo.savePoint(new Geo.Point({ latitude: 91, longitude: 0 })), 1003, /-90 to 90/);
      await fails(Geo.find(query({ latitude: 'x', longitude: 1 })), 1003, /a number/);
      await fails(Geo.find(query({ latitude: 1, longitude: 1, degreePerPixel: 2 })), 8006, /dpp/);
      await fails(Geo.getFencePoints('mine', query()), 8006, /geoFence/);
      await fails(Geo.loadMetadata(new Geo.Point({ objectId: 'nobody' })), 1000, /nobody not found/);
    });
  });
}

test('SDK 3 finds pages', async () => {
  Backendless3.serverURL = serverURL;
  Backendless3.initApp(appId, apiKey, 'v1');
  const told = call => new Promise((done, fail) => call(new Backendless3.Async(done, fail)));
  const category = target.newClass('category');
  for (const latitude of [10, 12, 11]) {
    await told(async => Backendless3.Geo.savePoint(new Backendless3.GeoPoint({ latitude, longitude: 20, categories: [category] }), async));
  }
  const find = settings => told(async => Backendless3.Geo.find({ ...new Backendless3.GeoQuery(), categories: [category], ...settings }, async));
  const around = { latitude: 10, longitude: 20, radius: 1000, units: 'KILOMETERS' };
  const page = await find({ ...around, pageSize: 2, offset: 0 });
  assert.deepEqual([page.offset, page.data.map(({ latitude }) => latitude), page.totalObjects], [0, [10, 11], 3]);
  assert.match(page._nextPage, /\/geo\/points\?.*offset=2/);
  const last = await find({ ...around, pageSize: 2, offset: 2 });
  assert.deepEqual([last.offset, last.data.map(({ latitude }) => latitude), last.totalObjects], [2, [12], 3]);
  const searchRectangle = [12.5, 19, 10.5, 21];
  assert.equal((await find({ searchRectangle })).totalObjects, 2);
});
