import { api } from './api.ts';

export const platformClient = {
  getSession: () => api.call('getSession'),
  getSignIn: () => api.call('getSignIn'),
  listSettings: () => api.call('listSettings'),
  getHealth: () => api.call('getHealth'),
};
