// The official LeanCloud SDK, as it comes from npm. Every step is an app's own code and knows nothing of a gateway.
const AV = require('leancloud-storage');

AV.init({ appId: 'library', appKey: 'demo-key', serverURL: process.env.GATEWAY_URL });

const shown = book => ({
  title: book.get('title'),
  copies: book.get('copies'),
  tags: book.get('tags'),
  published: book.get('published').toISOString(),
  isDate: book.get('published') instanceof Date,
  place: { latitude: book.get('place').latitude, longitude: book.get('place').longitude },
  isGeoPoint: book.get('place') instanceof AV.GeoPoint,
  author: book.get('author').get('name'),
});

const steps = {
  async query() {
    const query = new AV.Query('Book')
      .greaterThan('copies', 2)
      .lessThan('published', new Date('1980-01-01'))
      .equalTo('tags', 'novel')
      .include('author');
    return (await query.find()).map(shown);
  },

  async change({ id }) {
    const book = AV.Object.createWithoutData('Book', id);
    book.increment('copies', 2);
    book.addUnique('tags', ['island', 'novel']);
    await book.save(null, { fetchWhenSave: true });
    return { copies: book.get('copies') };
  },
};

require('./step.cjs')(steps);
