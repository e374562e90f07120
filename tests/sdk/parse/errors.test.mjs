// What the SDK makes of a refusal. Parse Server and its SDKs on the wire

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith } from '../checks.mjs';
import { newClass, parse as target } from '../target.mjs';
import { make, Parse, send, withSettings } from './sdk.mjs';

const WRONG_KEYS = {
  'an unknown application': { APPLICATION_ID: 'nosuchapp' },
  'a wrong JavaScript key': { JAVASCRIPT_KEY: 'wrong' },
  'no JavaScript key': { JAVASCRIPT_KEY: null },
};

for (const [title, settings] of Object.entries(WRONG_KEYS)) {
  test(`${title} is unauthorized, which is an error without a code`, async () => {
    const error = await failsWith(undefined, withSettings(settings, () => new Parse.Query('Thing').find()));
    assert.ok(error instanceof Parse.Error);
    assert.equal(error.message, 'unauthorized');
  });
  test(`${title} cannot write`, async () => {
    const className = newClass('Thing');
    await failsWith(undefined, withSettings(settings, () => make(className, { n: 1 })));
    const objects = [new Parse.Object(className), new Parse.Object(className)];
    const errors = await withSettings(settings, () => Parse.Object.saveAll(objects)).then(() => assert.fail('it was saved'), reason => reason);
    assert.deepEqual(errors.map(error => error.message), ['unauthorized', 'unauthorized']);
    assert.equal(await new Parse.Query(className).count(), 0);
  });
}

test('a wrong master key is unauthorized', async () => {
  const error = await failsWith(undefined, withSettings({ MASTER_KEY: 'wrong' }, () => new Parse.Query('Thing').find({ useMasterKey: true })));
  assert.equal(error.message, 'unauthorized');
});

test('one wrong key does no harm to the next request', async () => {
  const className = newClass('Thing');
  await assert.rejects(withSettings({ JAVASCRIPT_KEY: 'wrong' }, () => new Parse.Query(className).find()));
  assert.deepEqual(await new Parse.Query(className).find(), []);
});

test('a missing object tells its number and the text of Parse', async () => {
  const object = await make(newClass('Thing'));
  await object.destroy();
  const error = await failsWith(Parse.Error.OBJECT_NOT_FOUND, object.fetch());
  assert.ok(error instanceof Parse.Error);
  assert.match(error.message, /^Object not found/);
});

test('a type mismatch tells class, field and both types', async () => {
  const { className } = await make(newClass('Thing'), { score: 1 });
  const error = await failsWith(Parse.Error.INCORRECT_TYPE, make(className, { score: 'one' }));
  assert.equal(error.message, `schema mismatch for ${className}.score; expected Number but got String`);
});

test('a bad field name is told', async () => {
  const error = await failsWith(Parse.Error.INVALID_KEY_NAME, send('POST', `classes/${newClass('Thing')}`, { 'bad-name': 1 }));
  assert.equal(error.message, 'Invalid field name: bad-name.');
});

for (const name of ['1Bad', '_Bad', 'Bad-Name', 'Bad.Name']) {
  test(`a class cannot be called ${name}`, async () => {
    await failsWith(Parse.Error.INVALID_JSON, send('POST', `classes/${name}`, { a: 1 }));
  });
}

test('a path to nothing answers an error that the SDK can read', async () => {
  const error = await send('GET', 'nosuch/route').then(() => assert.fail('it was found'), reason => reason);
  assert.ok(error instanceof Parse.Error, String(error));
  assert.notEqual(error.code, Parse.Error.CONNECTION_FAILED);
});

test('a method that a path has not answers an error that the SDK can read', async () => {
  const error = await send('PUT', `classes/${newClass('Thing')}`, { a: 1 }).then(() => assert.fail('it was done'), reason => reason);
  assert.ok(error instanceof Parse.Error, String(error));
});

test('a body that is no JSON is an error of the client', async () => {
  const { ajax } = Parse.CoreManager.getRESTController();
  const answer = await ajax('POST', `${target.serverURL}/classes/Thing`, '{"score":').then(() => assert.fail('it was read'), reason => reason);
  assert.equal(typeof answer.error, 'string');
});
