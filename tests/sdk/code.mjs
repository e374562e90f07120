// The SDKs as clients of the app whose own code runs elsewhere.

import assert from 'node:assert/strict';

import AV from 'leancloud-storage';
import Backendless from 'backendless';
import Parse from 'parse/node';

import { code, newClass } from './target.mjs';

Parse.initialize(code.parse.appId, code.parse.javascriptKey, code.parse.masterKey);
Parse.serverURL = code.parse.serverURL;

const { appId, appKey, masterKey, serverURL } = code.leancloud;
AV.init({ appId, appKey, masterKey, serverURL });

Backendless.serverURL = code.backendless.serverURL;
Backendless.initApp(code.backendless.appId, code.backendless.apiKey);

export { AV, Backendless, Parse };

export const newName = (name = 'user') => newClass(name).toLowerCase();

/** The vendor's number of an error, and its words. */
export async function refused(promise, number, words) {
  const error = await promise.then(
    () => assert.fail('it was not refused'),
    caught => caught
  );
  assert.equal(error.code, number, `${error.code} ${error.message}`);
  assert.match(error.rawMessage ?? error.message, words);
}

/** A request by hand, as LeanCloud's SDK has no word for it. */
export async function send(method, path, body, headers = {}) {
  const response = await fetch(code.leancloud.serverURL + path, {
    method,
    headers: { 'X-LC-Id': appId, 'X-LC-Key': appKey, 'Content-Type': 'application/json', ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}
