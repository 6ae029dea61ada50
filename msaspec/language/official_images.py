"""The names of the official images of Docker Hub (docker-library/official-images, the folder `library`)."""

from __future__ import annotations

_NAMES = """
    adminer aerospike almalinux alpine amazoncorretto amazonlinux api-firewall arangodb archlinux backdrop bash
    bonita buildpack-deps busybox caddy cassandra centos chronograf cirros clearlinux clefos clickhouse clojure
    composer convertigo couchbase couchdb crate dart debian docker drupal eclipse-mosquitto eclipse-temurin
    eggdrop elasticsearch elixir emqx erlang express-gateway fedora flink fluentd friendica gazebo gcc
    geonetwork ghost golang gradle groovy haproxy haskell haxe hello-world hitch hola-mundo httpd hylang
    ibm-semeru-runtimes ibmjava influxdb irssi jetty jobber joomla jruby julia kaazing-gateway kapacitor kibana
    kong krakend lightstreamer liquibase logstash mageia mariadb matomo maven mediawiki memcached mongo
    mongo-express monica mono mysql nats nats-streaming neo4j neurodebian nextcloud nginx node notary nuxeo odoo
    open-liberty openjdk opensuse oraclelinux orientdb percona perl photon php php-zendserver phpmyadmin plone
    postfixadmin postgres pypy python r-base rabbitmq rakudo-star rapidoid redis redmine registry rethinkdb
    rocket.chat rockylinux ros ruby rust sapmachine satosa scratch silverpeas sl solr sonarqube sourcemage spark
    spiped storm swift swipl teamspeak telegraf thrift tomcat tomee traefik ubuntu unit valkey varnish vault
    websphere-liberty wordpress xwiki yourls znc zookeeper
"""
OFFICIAL = frozenset(_NAMES.split())
