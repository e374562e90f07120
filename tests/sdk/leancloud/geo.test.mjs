// Where things are. LeanCloud and its SDKs on the wire; the storage REST guide, "GeoPoint Queries".

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { sorted, valuesOf } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { AV, makeAll, send } from './sdk.mjs';

const Place = newClass('Place');
const point = (latitude, longitude) => new AV.GeoPoint(latitude, longitude);
const BERLIN = point(52.52, 13.405);
const POTSDAM = point(52.396, 13.058); // 27 km, 17 miles from Berlin
const HAMBURG = point(53.551, 9.994); // 255 km, 159 miles
const PARIS = point(48.857, 2.352); // 878 km, 545 miles
const SYDNEY = point(-33.869, 151.209); // at the other end

before(() => makeAll(Place, [
  { name: 'paris', at: PARIS },
  { name: 'berlin', at: BERLIN },
  { name: 'sydney', at: SYDNEY },
  { name: 'nowhere' },
  { name: 'hamburg', at: HAMBURG },
  { name: 'potsdam', at: POTSDAM },
]));

const places = () => new AV.Query(Place);

const SORTED = {
  'near sorts by distance, and leaves out what is nowhere': [() => places().near('at', BERLIN), 'berlin potsdam hamburg paris sydney'],
  'near with skip and limit': [() => places().near('at', PARIS).skip(1).limit(2), 'hamburg potsdam'],
  'near with an order: the order wins': [() => places().near('at', BERLIN).descending('name'), 'sydney potsdam paris hamburg berlin'],
  'withinKilometers': [() => places().withinKilometers('at', BERLIN, 260), 'berlin potsdam hamburg'],
  'withinKilometers just not far enough': [() => places().withinKilometers('at', BERLIN, 250), 'berlin potsdam'],
  'withinMiles': [() => places().withinMiles('at', BERLIN, 165), 'berlin potsdam hamburg'],
  'withinRadians': [() => places().withinRadians('at', BERLIN, 0.2), 'berlin potsdam hamburg paris'],
};

for (const [title, [query, expected]] of Object.entries(SORTED)) {
  test(title, async () => {
    assert.equal(valuesOf(await query().find()).join(' '), expected);
  });
}

test('withinGeoBox', async () => {
  assert.deepEqual(sorted(await places().withinGeoBox('at', point(48, 2), point(53, 14)).find()), ['berlin', 'paris', 'potsdam']);
});

test('count with near counts what is within the distance', async () => {
  assert.equal(await places().withinKilometers('at', BERLIN, 260).count(), 3);
});

const geo = BERLIN.toJSON();
const SPELLINGS = {
  '$maxDistanceInKilometers': [{ $nearSphere: geo, $maxDistanceInKilometers: 260 }, 'berlin potsdam hamburg'],
  '$maxDistanceInMiles': [{ $nearSphere: geo, $maxDistanceInMiles: 165 }, 'berlin potsdam hamburg'],
  '$maxDistanceInRadians': [{ $nearSphere: geo, $maxDistanceInRadians: 0.0409 }, 'berlin potsdam hamburg'],
  '$minDistance': [{ $nearSphere: geo, $minDistance: 0.01, $maxDistance: 0.2 }, 'hamburg paris'],
  '$minDistanceInKilometers': [{ $nearSphere: geo, $minDistanceInKilometers: 100, $maxDistanceInKilometers: 1000 }, 'hamburg paris'],
};

for (const [title, [at, expected]] of Object.entries(SPELLINGS)) {
  test(`${title} is understood`, async () => {
    const { results } = await send('GET', `/classes/${Place}`, { query: { where: { at } } });
    assert.equal(results.map(object => object.name).join(' '), expected);
  });
}

test('a box may have pairs, longitude first', async () => {
  const where = { at: { $within: { $box: [[2, 48], [14, 53]] } } };
  const { results } = await send('GET', `/classes/${Place}`, { query: { where, order: 'name' } });
  assert.deepEqual(results.map(object => object.name), ['berlin', 'paris', 'potsdam']);
});
