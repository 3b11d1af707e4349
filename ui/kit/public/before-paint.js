// Before the first paint, so that nothing flashes: the scheme, language and direction that were chosen here before.
(() => {
  const root = document.documentElement;
  try {
    const kept = localStorage.getItem("mantine-color-scheme-value") ?? "auto";
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.mantineColorScheme = kept === "auto" ? (dark ? "dark" : "light") : kept;
    const locale = localStorage.getItem("awe.locale");
    if (locale) root.lang = locale;
    if (locale === "ar") root.dir = "rtl";
  } catch {
    // Storage may be forbidden: then the browser's own choice shows.
  }
})();
