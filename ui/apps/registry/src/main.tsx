import { start } from "@awe/kit";
import { ApiProvider } from "./api/client.tsx";
import { DEVELOPMENT_USERS, loadSignIn } from "./api/signIn.ts";
import { CATALOGUES } from "./api/words.ts";
import { router } from "./app/router.tsx";
import "./portal.css";

start({
  title: "Registry",
  catalogues: CATALOGUES,
  load: loadSignIn,
  developmentUsers: DEVELOPMENT_USERS,
  around: (pages) => <ApiProvider>{pages}</ApiProvider>,
  router,
});
