// Reads the YAML files below the folder that the first argument names and prints them as JSON, each
// document with what the schemas of its project say about it (`null`: there is none for its kind).
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import * as gatewayApi from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1";
import * as istioExtensions from "@kubernetes-models/istio/extensions.istio.io/v1alpha1";
import * as istioNetworking from "@kubernetes-models/istio/networking.istio.io/v1";
import * as istioNetworkingAlpha from "@kubernetes-models/istio/networking.istio.io/v1alpha3";
import * as apps from "kubernetes-models/apps/v1";
import * as autoscaling from "kubernetes-models/autoscaling/v2";
import * as networking from "kubernetes-models/networking.k8s.io/v1";
import * as policy from "kubernetes-models/policy/v1";
import * as core from "kubernetes-models/v1";
import { parseAllDocuments } from "yaml";

const models = {
  "apps/v1": apps,
  "autoscaling/v2": autoscaling,
  "extensions.istio.io/v1alpha1": istioExtensions,
  "gateway.networking.k8s.io/v1": gatewayApi,
  "networking.istio.io/v1": istioNetworking,
  "networking.istio.io/v1alpha3": istioNetworkingAlpha,
  "networking.k8s.io/v1": networking,
  "policy/v1": policy,
  v1: core,
};

function verdict(value) {
  const Model = models[value?.apiVersion]?.[value?.kind];
  if (!Model) return null;
  try {
    new Model(value).validate();
    return "";
  } catch (error) {
    return String(error.message);
  }
}

const root = process.argv[2];
const files = readdirSync(root, { recursive: true }).filter((name) => /\.ya?ml$/.test(name));
const documents = files.sort().flatMap((name) =>
  parseAllDocuments(readFileSync(join(root, name), "utf8"), { merge: true }).map((document) => {
    const errors = [...document.errors, ...document.warnings].map((error) => error.message);
    const value = document.toJS();
    return { file: relative(".", name), value, errors, verdict: verdict(value) };
  }),
);
console.log(JSON.stringify(documents));
