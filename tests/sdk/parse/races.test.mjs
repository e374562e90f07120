// Requests for one user at the same time, and what its own user shows it.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { failsWith, range } from '../checks.mjs';
import { as, newName, Parse, send, signUp } from './sdk.mjs';


test('the own user is told its token where it is read by its id', async () => {
  const user = await signUp();
  assert.equal((await send('GET', `users/${user.id}`, {}, as(user))).sessionToken, user.getSessionToken());
  assert.equal((await send('GET', `users/${user.id}`)).sessionToken, undefined);
});

test('changes of a username at the same time leave one, by which the user logs in', async () => {
  for (const round of range(6)) {
    const [user, names] = [await signUp(), range(3).map(() => newName(`name${round}`))];
    const change = username => send('PUT', `users/${user.id}`, { username }, as(user));
    await Promise.allSettled([...names, ...names, ...names].map(change));
    const kept = (await Parse.User.me(user.getSessionToken())).get('username');
    assert.equal((await Parse.User.logIn(kept, 'secret')).id, user.id);
    for (const name of names) {
      const taken = await Parse.User.signUp(name, 'other').then(() => false, () => true);
      assert.equal(taken, name === kept, name);
    }
  }
});

test('links of one provider at the same time leave one id, by which the user logs in', async () => {
  const [user, ids] = [await signUp(), range(6).map(() => newName('id'))];
  const link = id => send('PUT', `users/${user.id}`, { authData: { myprovider: { id } } }, as(user));
  await Promise.allSettled(ids.map(link));
  const kept = (await Parse.User.me(user.getSessionToken())).get('authData').myprovider.id;
  for (const id of ids) {
    const found = await Parse.User.logInWith('myprovider', { authData: { id } });
    assert.equal(found.id === user.id, id === kept);
  }
});

test('no log-in with the old password outlives a change of the password', async () => {
  for (const round of range(4)) {
    const user = await signUp();
    const logIn = () => Parse.User.logIn(user.get('username'), 'secret', { installationId: randomUUID() });
    const change = send('PUT', `users/${user.id}`, { password: `changed ${round}` }, as(user));
    const results = await Promise.allSettled(range(8).map(logIn));
    await change;
    for (const { value } of results) {
      if (value) await failsWith(Parse.Error.INVALID_SESSION_TOKEN, Parse.User.me(value.getSessionToken()));
    }
  }
});
