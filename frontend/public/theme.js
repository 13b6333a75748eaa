// Before the first paint, so that a dark screen never flashes white. The key is the one of useColorMode.
(() => {
  const chosen = localStorage.getItem('vueuse-color-scheme') ?? 'auto';
  const dark = chosen === 'dark' || (chosen === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.classList.add(dark ? 'dark' : 'light');
})();
