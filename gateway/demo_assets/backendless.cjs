// The official Backendless SDK, as it comes from npm. Every step is an app's own code and knows nothing of a gateway.
const Backendless = require('backendless');

Backendless.serverURL = process.env.GATEWAY_URL;
Backendless.initApp('library', 'demo-js');

const Books = Backendless.Data.of('Book');

const shown = book => ({
  title: book.title,
  copies: book.copies,
  tags: book.tags,
  published: new Date(book.published).toISOString(),
  isDate: Number.isInteger(book.published), // as this SDK has dates
  place: { latitude: book.place.getLatitude(), longitude: book.place.getLongitude() },
  isGeoPoint: book.place instanceof Backendless.Data.Point,
  author: book.author.name,
});

const steps = {
  async query() {
    const query = Backendless.DataQueryBuilder.create()
      .setWhereClause("author.name like 'tove%' and published < '01/01/1980' and copies = 5")
      .setRelated('author');
    return (await Books.find(query)).map(shown);
  },

  async lend({ id }) {
    const book = await Books.save({ objectId: id, copies: new Backendless.Expression('copies - 1') });
    return { copies: book.copies };
  },
};

require('./step.cjs')(steps);
