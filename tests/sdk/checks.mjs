// What the suites of both SDKs assert with.

import assert from 'node:assert/strict';

/** The promise fails with this error number; answers the error. One of several numbers may be right. */
export async function failsWith(code, promise) {
  try {
    await promise;
  } catch (error) {
    const expected = Array.isArray(code) ? code : [code];
    assert.ok(expected.includes(error.code), `expected error ${expected.join(' or ')}, got ${error.code}: ${error.message ?? error}`);
    return error;
  }
  assert.fail(`expected error ${code}, but the call succeeded`);
}

/** What stands in one field of each of these objects, in their order. */
export function valuesOf(objects, field = 'name') {
  return objects.map(object => object.get(field));
}

/** As valuesOf, for results that have no order. */
export function sorted(objects, field = 'name') {
  return valuesOf(objects, field).sort();
}

/** Long enough for the next write to have another millisecond in its updatedAt. */
export function nextMillisecond() {
  return new Promise(resolve => setTimeout(resolve, 3));
}

/** Numbers from 0 to n - 1. */
export function range(n) {
  return Array.from({ length: n }, (_, index) => index);
}
