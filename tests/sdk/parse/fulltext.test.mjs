// Words in texts. Parse.Query.fullText and sortByTextScore; Parse Server's own checks of $text.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { failsWith } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { makeAll, Parse } from './sdk.mjs';

const inOrder = list => [...list].sort();
const className = newClass('Subject');

before(() =>
  makeAll(className, [
    { subject: 'coffee', comment: 'coffee' },
    { subject: 'Coffee Shopping', comment: 'brewing' },
    { subject: 'Baking a cake', comment: 'none' },
    { subject: 'baking', comment: 'none' },
    { subject: 'no words of it', comment: 'tea' },
  ])
);

const query = (term, options) => new Parse.Query(className).fullText('subject', term, options);
const found = async asked => inOrder((await asked.find()).map(object => object.get('subject')));

test('fullText finds a word, in any case', async () => {
  assert.deepEqual(await found(query('coffee')), ['Coffee Shopping', 'coffee']);
  assert.deepEqual(await found(query('COFFEE', { caseSensitive: false })), ['Coffee Shopping', 'coffee']);
  assert.deepEqual(await found(query('nothing')), []);
});

test('fullText stands beside other conditions', async () => {
  assert.deepEqual(await found(query('coffee').equalTo('comment', 'brewing')), ['Coffee Shopping']);
  assert.equal(await query('baking').count(), 2);
  assert.deepEqual(await found(Parse.Query.and(query('baking'), query('cake'))), ['Baking a cake']);
});

test('the best match comes first, with its score', async () => {
  const [first, second] = await query('coffee').sortByTextScore().find();
  assert.ok(first.get('score') >= second.get('score'));
  assert.ok(second.get('score') > 0);
  const rows = await query('coffee').ascending('$score').select('$score', 'subject').find();
  assert.deepEqual(inOrder(rows.map(row => row.get('subject'))), ['Coffee Shopping', 'coffee']);
  assert.equal(rows[0].get('comment'), undefined);
});

test('what is no search is refused', async () => {
  const asked = $text => new Parse.Query(className)._addCondition('subject', '$text', $text).find();
  for (const bad of ['coffee', {}, { $search: 'coffee' }, { $search: {} }, { $search: { $term: 1 } }, { $search: { $term: '' } }]) {
    await failsWith(Parse.Error.INVALID_JSON, asked(bad));
  }
  await failsWith(Parse.Error.INVALID_JSON, asked({ $search: { $term: 'a', $language: 1 } }));
  await failsWith(Parse.Error.INVALID_JSON, asked({ $search: { $term: 'a', $caseSensitive: 'x' } }));
  await failsWith(Parse.Error.INVALID_JSON, asked({ $search: { $term: 'a', $diacriticSensitive: 'x' } }));
  await failsWith(Parse.Error.INVALID_JSON, query('coffee', { caseSensitive: true }).find());
});

// MongoDB's manual, "$text"; PostgreSQL, on which Parse Server runs as well, takes its own operators there
test('several words, phrases, and what must not be there', async () => {
  assert.deepEqual(await found(query('coffee cake')), ['Baking a cake', 'Coffee Shopping', 'coffee']);
  assert.deepEqual(await found(query('"coffee shopping"')), ['Coffee Shopping']);
  assert.deepEqual(await found(query('coffee -shopping')), ['coffee']);
});

test('accents make no difference', async () => {
  const name = newClass('Accent');
  await makeAll(name, [{ text: 'café' }, { text: 'cafe' }]);
  const asked = options => new Parse.Query(name).fullText('text', 'cafe', options).count();
  assert.equal(await asked({ diacriticSensitive: false }), 2);
  assert.equal(await asked(), 2);
  await failsWith(Parse.Error.COMMAND_UNAVAILABLE, asked({ diacriticSensitive: true }));
});
