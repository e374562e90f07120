// Queries within queries. Parse Server and its SDKs on the wire

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { range, sorted, valuesOf } from '../checks.mjs';
import { newClass } from '../target.mjs';
import { makeAll, Parse } from './sdk.mjs';

const Team = newClass('Team');
const Player = newClass('Player');

const teams = () => new Parse.Query(Team);
const players = () => new Parse.Query(Player);

before(async () => {
  const [red, blue, lost] = await makeAll(Team, [
    { name: 'red', city: 'Rome', wins: 9, info: { state: 'IT' } },
    { name: 'blue', city: 'Bern', wins: 3, info: { state: 'CH' } },
    { name: 'lost', city: 'Ulm', wins: 0 },
  ]);
  await makeAll(Player, [
    { name: 'ann', home: 'Rome', team: red, teams: [red, blue] },
    { name: 'bob', home: 'Bern', team: red, teams: [] },
    { name: 'cid', home: 'Oslo', team: blue, teams: [blue] },
    { name: 'dan', home: 'Ulm', team: lost },
    { name: 'eva' },
  ]);
  await lost.destroy();
});

const FINDS = {
  'matchesQuery: the pointer is among the results': [() => players().matchesQuery('team', teams().greaterThan('wins', 5)), 'ann bob'],
  'matchesQuery without conditions: the pointer points to something': [() => players().matchesQuery('team', teams()), 'ann bob cid'],
  'matchesQuery that finds nothing': [() => players().matchesQuery('team', teams().equalTo('wins', 77)), ''],
  'matchesQuery on a list of pointers': [() => players().matchesQuery('teams', teams().equalTo('name', 'blue')), 'ann cid'],
  'matchesQuery on a class that does not exist': [() => players().matchesQuery('team', new Parse.Query(newClass('Nobody'))), ''],
  'doesNotMatchQuery: the pointer is not among the results, or there is none': [() => players().doesNotMatchQuery('team', teams().greaterThan('wins', 5)), 'cid dan eva'],
  'doesNotMatchQuery ignores the limit of the inner query': [() => players().doesNotMatchQuery('team', teams().ascending('wins').limit(1)), 'dan eva'],
  'matchesQuery ignores skip and keys of the inner query': [() => players().matchesQuery('team', teams().skip(10).select('name')), 'ann bob cid'],
  'matchesQuery goes together with other conditions': [() => players().matchesQuery('team', teams().equalTo('name', 'red')).equalTo('home', 'Bern'), 'bob'],
  'matchesQuery within or': [() => Parse.Query.or(players().matchesQuery('team', teams().equalTo('name', 'blue')), players().equalTo('name', 'eva')), 'cid eva'],
  'matchesQuery within matchesQuery': [
    () => players().matchesQuery('team', teams().matchesKeyInQuery('city', 'home', players().equalTo('name', 'bob'))),
    'cid',
  ],
  'matchesKeyInQuery: the value is among those of a field': [() => players().matchesKeyInQuery('home', 'city', teams()), 'ann bob'],
  'matchesKeyInQuery under conditions': [() => players().matchesKeyInQuery('home', 'city', teams().lessThan('wins', 5)), 'bob'],
  'matchesKeyInQuery ignores the limit of the inner query': [() => players().matchesKeyInQuery('home', 'city', teams().limit(1)), 'ann bob'],
  'doesNotMatchKeyInQuery: the value is not among those of a field': [() => players().doesNotMatchKeyInQuery('home', 'city', teams()).exists('home'), 'cid dan'],
  'doesNotMatchKeyInQuery finds objects without the field': [() => players().doesNotMatchKeyInQuery('home', 'city', teams().equalTo('name', 'red')), 'bob cid dan eva'],
  'matchesKeyInQuery with a pointer as the key': [() => players().matchesKeyInQuery('team', 'team', players().equalTo('name', 'bob')), 'ann bob'],
};

for (const [title, [query, expected]] of Object.entries(FINDS)) {
  test(title, async () => {
    assert.equal(sorted(await query().find()).join(' '), expected);
    assert.equal(await query().count(), expected ? expected.split(' ').length : 0);
  });
}

test('matchesKeyInQuery with a dotted key', async () => {
  const State = newClass('State');
  await makeAll(State, [{ name: 'IT' }, { name: 'DE' }]);
  const query = new Parse.Query(State).matchesKeyInQuery('name', 'info.state', teams());
  assert.deepEqual(valuesOf(await query.find()), ['IT']);
});

test('an inner query has no page: all of its results count', async () => {
  const [Many, Holder] = [newClass('Many'), newClass('Holder')];
  const objects = await makeAll(Many, range(130).map(n => ({ n })));
  await makeAll(Holder, objects.map((target, n) => ({ n, target })));
  assert.equal(await new Parse.Query(Holder).matchesQuery('target', new Parse.Query(Many)).count(), 130);
  assert.equal(await new Parse.Query(Holder).doesNotMatchQuery('target', new Parse.Query(Many)).count(), 0);
  assert.equal(await new Parse.Query(Holder).matchesKeyInQuery('n', 'n', new Parse.Query(Many)).count(), 130);
});

test('an inner query with an order does not disturb', async () => {
  const query = players().matchesQuery('team', teams().descending('wins')).descending('name');
  assert.deepEqual(valuesOf(await query.find()), ['cid', 'bob', 'ann']);
});
