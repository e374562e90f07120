// What does not hold yet, each with its reason in test_javascript.py: a test here must fail.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as leancloud from '../leancloud/sdk.mjs';
import * as parse from '../parse/sdk.mjs';
import { newClass } from '../target.mjs';

const { Parse } = parse;

test('a file of Parse has an id for LeanCloud, without which the Python SDK cannot read it', async () => {
  const file = Parse.File.fromJSON({ __type: 'File', name: 'abc_hello.txt', url: 'http://files.example/abc_hello.txt' });
  const object = await parse.make(newClass('Attached'), { file });
  const json = await leancloud.send('GET', `/classes/${object.className}/${object.id}`);
  assert.equal(typeof json.file.objectId, 'string');
});
