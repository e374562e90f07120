// Queries within queries. LeanCloud and its SDKs on the wire; the storage REST guide, "Pointer Queries".

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { sorted } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { AV, makeAll } from './sdk.mjs';

const Team = newClass('Team');
const Player = newClass('Player');

const teams = () => new AV.Query(Team);
const players = () => new AV.Query(Player);

before(async () => {
  const [red, blue] = await makeAll(Team, [{ name: 'red', city: 'Rome', wins: 9 }, { name: 'blue', city: 'Bern', wins: 3 }]);
  await makeAll(Player, [
    { name: 'ann', home: 'Rome', team: red },
    { name: 'bob', home: 'Bern', team: red },
    { name: 'cid', home: 'Oslo', team: blue },
    { name: 'eva' },
  ]);
});

const FINDS = {
  'matchesQuery: the pointer is among the results': [() => players().matchesQuery('team', teams().greaterThan('wins', 5)), 'ann bob'],
  'matchesQuery without conditions': [() => players().matchesQuery('team', teams()), 'ann bob cid'],
  'matchesQuery with a limit and an order in the inner query': [() => players().matchesQuery('team', teams().ascending('wins').limit(1)), 'cid'],
  'doesNotMatchQuery: the pointer is not among the results, or there is none': [() => players().doesNotMatchQuery('team', teams().greaterThan('wins', 5)), 'cid eva'],
  'matchesKeyInQuery: the value is among those of a field': [() => players().matchesKeyInQuery('home', 'city', teams()), 'ann bob'],
  'matchesKeyInQuery under conditions': [() => players().matchesKeyInQuery('home', 'city', teams().lessThan('wins', 5)), 'bob'],
  'doesNotMatchKeyInQuery: the value is not among those of a field': [() => players().doesNotMatchKeyInQuery('home', 'city', teams()).exists('home'), 'cid'],
  'matchesQuery goes together with other conditions': [() => players().matchesQuery('team', teams().equalTo('name', 'red')).equalTo('home', 'Bern'), 'bob'],
  'matchesQuery within or': [() => AV.Query.or(players().matchesQuery('team', teams().equalTo('name', 'blue')), players().equalTo('name', 'eva')), 'cid eva'],
};

for (const [title, [query, expected]] of Object.entries(FINDS)) {
  test(title, async () => {
    assert.equal(sorted(await query().find()).join(' '), expected);
    assert.equal(await query().count(), expected.split(' ').length);
  });
}
