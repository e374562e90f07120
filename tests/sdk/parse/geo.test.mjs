// Where things are. Parse Server and its SDKs on the wire

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { sorted, valuesOf } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { makeAll, Parse } from './sdk.mjs';

const Place = newClass('Place');
const Area = newClass('Area');

const point = (latitude, longitude) => new Parse.GeoPoint(latitude, longitude);
const BERLIN = point(52.52, 13.405);
const POTSDAM = point(52.396, 13.058); // 27 km, 17 miles from Berlin
const HAMBURG = point(53.551, 9.994); // 255 km, 159 miles
const PARIS = point(48.857, 2.352); // 878 km, 545 miles
const SYDNEY = point(-33.869, 151.209); // at the other end

before(async () => {
  await makeAll(Place, [
    { name: 'paris', at: PARIS },
    { name: 'berlin', at: BERLIN },
    { name: 'sydney', at: SYDNEY },
    { name: 'nowhere' },
    { name: 'hamburg', at: HAMBURG },
    { name: 'potsdam', at: POTSDAM },
  ]);
  const square = (a, b) => new Parse.Polygon([[a, a], [a, b], [b, b], [b, a]]);
  await makeAll(Area, [{ name: 'small', area: square(0, 1) }, { name: 'large', area: square(-10, 10) }, { name: 'none' }]);
});

const places = () => new Parse.Query(Place);
const areas = () => new Parse.Query(Area);

const SORTED = {
  'near sorts by distance, and leaves out what is nowhere': [() => places().near('at', BERLIN), 'berlin potsdam hamburg paris sydney'],
  'near from elsewhere': [() => places().near('at', PARIS).limit(3), 'paris hamburg potsdam'],
  'near with skip': [() => places().near('at', BERLIN).skip(1).limit(2), 'potsdam hamburg'],
  'near with another condition': [() => places().near('at', BERLIN).notEqualTo('name', 'potsdam').limit(2), 'berlin hamburg'],
  'withinKilometers': [() => places().withinKilometers('at', BERLIN, 260), 'berlin potsdam hamburg'],
  'withinKilometers just not far enough': [() => places().withinKilometers('at', BERLIN, 250), 'berlin potsdam'],
  'withinMiles': [() => places().withinMiles('at', BERLIN, 165), 'berlin potsdam hamburg'],
  'withinMiles just not far enough': [() => places().withinMiles('at', BERLIN, 155), 'berlin potsdam'],
  'withinRadians': [() => places().withinRadians('at', BERLIN, 0.2), 'berlin potsdam hamburg paris'],
  'a distance of nothing finds the place itself': [() => places().withinKilometers('at', BERLIN, 0.001), 'berlin'],
};

for (const [title, [query, expected]] of Object.entries(SORTED)) {
  test(title, async () => {
    assert.equal(valuesOf(await query().find()).join(' '), expected);
  });
}

const UNSORTED = {
  'withinKilometers, unsorted': [() => places().withinKilometers('at', BERLIN, 260, false), 'berlin hamburg potsdam'],
  'withinMiles, unsorted': [() => places().withinMiles('at', BERLIN, 155, false), 'berlin potsdam'],
  'withinRadians, unsorted': [() => places().withinRadians('at', BERLIN, 0.2, false), 'berlin hamburg paris potsdam'],
  'withinGeoBox': [() => places().withinGeoBox('at', point(48, 2), point(53, 14)), 'berlin paris potsdam'],
  'withinPolygon of points': [() => places().withinPolygon('at', [point(52, 12), point(54, 12), point(54, 14), point(52, 14)]), 'berlin potsdam'],
  'withinPolygon of pairs, longitude first': [() => places().withinPolygon('at', [[12, 52], [12, 54], [14, 54], [14, 52]]), 'berlin potsdam'],
  'withinPolygon with a notch': [
    () => places().withinPolygon('at', [point(47, 1), point(54, 1), point(50, 5), point(54, 14), point(47, 14)]),
    'berlin paris potsdam',
  ],
  'equalTo a point': [() => places().equalTo('at', HAMBURG), 'hamburg'],
  'polygonContains': [() => areas().polygonContains('area', point(0.5, 0.5)), 'large small'],
  'polygonContains in one only': [() => areas().polygonContains('area', point(5, -5)), 'large'],
  'polygonContains in none': [() => areas().polygonContains('area', point(50, 50)), ''],
};

for (const [title, [query, expected]] of Object.entries(UNSORTED)) {
  test(title, async () => {
    assert.equal(sorted(await query().find()).join(' '), expected);
    assert.equal(await query().count(), expected ? expected.split(' ').length : 0);
  });
}

test('an unsorted circle can be sorted by a field', async () => {
  const query = places().withinKilometers('at', BERLIN, 260, false).descending('name');
  assert.deepEqual(valuesOf(await query.find()), ['potsdam', 'hamburg', 'berlin']);
});

test('count with near counts what is within the distance', async () => {
  assert.equal(await places().withinKilometers('at', BERLIN, 260).count(), 3);
  assert.equal(await places().near('at', BERLIN).count(), 5);
});

for (const [name, distance] of [['$maxDistanceInKilometers', 260], ['$maxDistanceInMiles', 165], ['$maxDistanceInRadians', 0.0409]]) {
  test(`${name} is understood`, async () => {
    const where = { at: { $nearSphere: BERLIN.toJSON(), [name]: distance } };
    assert.deepEqual(valuesOf(await Parse.Query.fromJSON(Place, { where }).find()), ['berlin', 'potsdam', 'hamburg']);
  });
}

test('withinPolygon of a Polygon', async () => {
  const Spot = newClass('Spot');
  await makeAll(Spot, [{ name: 'in', at: point(5, 5) }, { name: 'out', at: point(20, 20) }]);
  // Parse Server reads the pairs of this Polygon as longitude and latitude, other than in a field: so a square
  const square = new Parse.Polygon([[0, 0], [0, 10], [10, 10], [10, 0]]);
  assert.deepEqual(valuesOf(await new Parse.Query(Spot).withinPolygon('at', square).find()), ['in']);
});

test('distances go over the date line', async () => {
  const Island = newClass('Island');
  await makeAll(Island, [{ name: 'west', at: point(0, 179.9) }, { name: 'far', at: point(0, 170) }]);
  const query = new Parse.Query(Island).withinKilometers('at', point(0, -179.9), 50);
  assert.deepEqual(valuesOf(await query.find()), ['west']);
});
