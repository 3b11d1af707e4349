/** Which page is where. Pages are loaded when they are first gone to. */

import { only, parseSearch, stringifySearch } from "@awe/kit";
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { Frame, Lost } from "./Frame.tsx";

const root = createRootRoute({ component: Frame, notFoundComponent: Lost });
const page = <Path extends string>(
  path: Path,
  component: ReturnType<typeof lazyRouteComponent>,
  validateSearch: ReturnType<typeof only<string>> = only(),
) => createRoute({ getParentRoute: () => root, path, component, validateSearch });

const routes = [
  page(
    "/",
    lazyRouteComponent(() => import("../pages/ChangeRequests.tsx"), "ChangeRequests"),
    only("status", "register", "section", "requester", "awaiting", "cursor"),
  ),
  page(
    "/my-approvals",
    lazyRouteComponent(() => import("../pages/MyApprovals.tsx"), "MyApprovals"),
  ),
  page(
    "/change-requests/$id",
    lazyRouteComponent(() => import("../pages/ChangeRequestPage.tsx"), "ChangeRequestPage"),
  ),
];

export const router = createRouter({
  routeTree: root.addChildren(routes),
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  scrollRestoration: true,
});
