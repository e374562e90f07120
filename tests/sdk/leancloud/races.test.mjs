// Requests for one user at the same time.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { range } from '../checks.mjs';
import { AV, master, newName, send, signUp } from './sdk.mjs';

const me = token => send('GET', '/users/me', { authOptions: { sessionToken: token } });

beforeEach(() => AV.User.logOut());

test('the first log-ins of a user at the same time share one token, too', async () => {
  for (const round of range(6)) {
    const username = `${newName()}_${round}`;
    await send('POST', '/users', { data: { username, password: 'secret' }, authOptions: master }); // opens no session
    const logIn = () => send('POST', '/login', { data: { username, password: 'secret' } });
    const tokens = (await Promise.all(range(8).map(logIn))).map(user => user.sessionToken);
    assert.equal(new Set(tokens).size, 1);
  }
});

test('refreshes at the same time leave one token', async () => {
  const user = await signUp();
  const refresh = () => send('PUT', `/users/${user.id}/refreshSessionToken`, { authOptions: { user } });
  const results = await Promise.allSettled(range(6).map(refresh));
  const tokens = new Set(results.filter(result => result.status === 'fulfilled').map(result => result.value.sessionToken));
  const states = await Promise.allSettled([...tokens].map(me));
  assert.equal(states.filter(state => state.status === 'fulfilled').length, 1);
});
