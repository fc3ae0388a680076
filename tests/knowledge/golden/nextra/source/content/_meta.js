export default { index: { title: 'Home', type: 'page', display: 'hidden' }, guide: 'Guide', reference: 'Reference' }
