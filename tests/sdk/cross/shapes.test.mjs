// Geometries that only one vendor has, and JSON of any shape, as the SDKs of the others meet them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Backendless, makeTable } from '../backendless/sdk.mjs';
import * as leancloud from '../leancloud/sdk.mjs';
import * as parse from '../parse/sdk.mjs';

const { Data } = Backendless;
const OTHERS = { Parse: [parse, parse.Parse], LeanCloud: [leancloud, leancloud.AV] };
const SQUARE = [[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]];
const HOLE = [[1, 1], [2, 1], [2, 2], [1, 1]];
const NOT_TOLD = {
  'a line': { type: 'LineString', coordinates: [[1, 2], [3, 4]] },
  'a polygon with a hole': { type: 'Polygon', coordinates: [SQUARE, HOLE] },
};

for (const [name, [sdk, { Query }]] of Object.entries(OTHERS)) {
  describe(name, () => {
    for (const [title, shape] of Object.entries(NOT_TOLD)) {
      test(`${title} is refused by its field, and an object without it is told`, async () => {
        const store = Data.of(await makeTable({ name: 'STRING', shape: 'GEOMETRY' }));
        const { objectId } = await store.save({ name: 'with', shape });
        const reference = sdk.reference(store.className, objectId);
        for (const call of [() => sdk.fresh(reference), () => new Query(store.className).find()]) {
          await assert.rejects(call(), error => /^shape: .* cannot be told here/.test(error.rawMessage ?? error.message));
        }
        const [found] = await new Query(store.className).select('name').find();
        assert.equal(found.get('name'), 'with');
        await reference.save({ name: 'still' });
        assert.deepEqual((await store.findById(objectId)).shape.asGeoJSON(), shape);
      });
    }

    test('what a column of JSON holds is told as it is, and can be asked for', async () => {
      const store = Data.of(await makeTable({ js: 'JSON', n: 'INT' }));
      const values = [{ a: 1 }, [1, 'x'], 'text', 5, true];
      for (const [n, js] of values.entries()) await store.save({ js, n });
      const found = await new Query(store.className).ascending('n').find();
      assert.deepEqual(found.map(object => object.get('js')), values);
      const asked = async query => (await query.find()).map(object => object.get('n'));
      assert.deepEqual(await asked(new Query(store.className).equalTo('js', 'x')), [1]);
      assert.deepEqual(await asked(new Query(store.className).equalTo('js', 5)), [3]);
      assert.deepEqual(await asked(new Query(store.className).equalTo('js.a', 1)), [0]);
    });
  });
}
